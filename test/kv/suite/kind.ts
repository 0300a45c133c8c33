import { KvError, type KvErrorCode } from '../../../src/kv/errors.ts';
import type { Store } from '../../../src/kv/store.ts';

/** An empty store, and the hand on its clock. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Lets time go by for the store. */
  advance(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** A kind of store, as the suite needs to know it. */
export interface StoreKind {
  readonly kind: string;
  open(): Promise<StoreUnderTest>;
  /** How exact its clock is: 1 where the test has it wholly in its hand, else what may pass by itself. */
  readonly grainMs: number;
  /** Where it is less than the contract's. */
  readonly maxValueBytes?: number;
  readonly cannotScan?: true;
  /** An empty store that other processes can open by its URL. */
  shared(): Promise<{ readonly url: string; close(): Promise<void> }>;
}

/** A time to live that no grain matters to. */
export const TTL_MS = 100_000;

export const bytes = (text: string) => Buffer.from(text);

/** Does something `count` times at once. */
export const times = <Result>(
  count: number,
  task: (n: number) => Promise<Result>,
): Promise<Result[]> => Promise.all(Array.from({ length: count }, (_, n) => task(n)));

/** The code that something is rejected with. */
export async function codeOf(promise: Promise<unknown>): Promise<KvErrorCode | 'no error'> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error !== undefined) expect(error).toBeInstanceOf(KvError);
  return error === undefined ? 'no error' : (error as KvError).code;
}

/** The value at a key as text. */
export const textAt = async (store: Store, key: string) => (await store.get(key))?.toString();
