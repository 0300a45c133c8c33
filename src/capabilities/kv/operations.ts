/**
 * The calls of `kv`, each read from what came out of the sandbox. Values are carried in
 * their stored form (kv/value.ts), which the guest library speaks too.
 */

import { z } from 'zod';
import type { LeaseTerms, Page, Sight, Store } from '../../kv/store.ts';
import { BYTES_MARK } from '../../kv/value.ts';
import { CapabilityFailure } from '../failure.ts';

/** A call that is understood: what to do with a store. */
export interface KvCall {
  /** The key with its namespace, or the prefix of a scan. */
  readonly key: string;
  run(on: KvPlace): Promise<unknown>;
}

/** Where a call is performed: on which store, for whom. */
export interface KvPlace {
  readonly store: Store;
  readonly leases: LeasePort;
}

/** Leases of the session that asks (leases.ts). */
export interface LeasePort {
  acquire(store: Store, key: string, terms: LeaseTerms): Promise<unknown>;
  release(store: Store, key: string): Promise<boolean>;
}

/** A JSON text, or bytes as latin1. */
const Carried = z.union([
  z.object({ json: z.string() }).strict(),
  z.object({ bytes: z.string() }).strict(),
]);

type Carried = z.infer<typeof Carried>;

const Key = z.string().min(1);
const Whole = z.number().int();
const Ms = z.number().positive();
const Ttl = Ms.nullable().transform((ms) => ms ?? undefined);
const Stored = Carried.transform((value) =>
  'json' in value
    ? Buffer.from(value.json, 'utf8')
    : Buffer.concat([Buffer.of(BYTES_MARK), Buffer.from(value.bytes, 'latin1')]),
);
const Rate = z.strictObject({
  limit: z.number(),
  perMs: z.number(),
  burst: z.number().exactOptional(),
  cost: z.number().exactOptional(),
});
const Span = z.strictObject({ perMs: z.number(), slots: z.number() });
const Terms = z.strictObject({ limit: z.number(), ttlMs: z.number() });
/** Entries of one page; the guest library asks for less. */
const MAX_PAGE = 200;

/** What crosses to a filter at once, at most. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** A page of a scan is one of many: a filter that looks at all of them needs room for other things. */
const MAX_PAGE_BYTES = 2 * 1024 * 1024;

const PageOf = z.strictObject({
  limit: z.number().int().min(1).max(MAX_PAGE),
  cursor: z.string().exactOptional(),
});

/** Reads one call; throws {@link CapabilityFailure} when it makes no sense. */
export function readKvCall(name: string, args: readonly unknown[], namespace: string): KvCall {
  const operation = Object.hasOwn(OPERATIONS, name)
    ? OPERATIONS[name as keyof typeof OPERATIONS]
    : undefined;
  if (!operation)
    throw new CapabilityFailure(
      'ERR_UNKNOWN_CAPABILITY',
      `kv has no ${JSON.stringify(name.slice(0, 40))}`,
    );
  const reader = new ArgumentReader(name, args);
  const key = `${namespace}/${name === 'scan' ? reader.next(z.string(), 'a prefix') : reader.next(Key, 'a key')}`;
  const run = operation(key, reader, namespace);
  return { key, run };
}

type Run = (on: KvPlace) => Promise<unknown>;

const OPERATIONS = {
  get: (key): Run => {
    return async ({ store }) => {
      const found = await store.get(key);
      return found === undefined ? null : carry(found);
    };
  },
  has: (key) => (on) => on.store.has(key),
  set: (key, reader) => {
    const [value, ttlMs] = [reader.value(), reader.ttl()];
    return async ({ store }) => {
      await store.set(key, value, ttlMs);
      return null;
    };
  },
  add: (key, reader) => {
    const [value, ttlMs] = [reader.value(), reader.ttl()];
    return ({ store }) => store.add(key, value, ttlMs);
  },
  cas: (key, reader) => {
    const expected = reader.next(Stored.nullable(), 'the expected value');
    const [value, ttlMs] = [reader.value(), reader.ttl()];
    return ({ store }) => store.cas(key, expected ?? undefined, value, ttlMs);
  },
  incr: (key, reader) => {
    const [by, ttlMs] = [reader.next(Whole, 'a whole number'), reader.ttl()];
    return ({ store }) => store.incr(key, by, ttlMs);
  },
  delete: (key) => (on) => on.store.delete(key),
  expire: (key, reader) => {
    const ttlMs = reader.next(Ms, 'a ttl in milliseconds');
    return ({ store }) => store.expire(key, ttlMs);
  },
  ttl: (key) => async (on) => (await on.store.ttl(key)) ?? null,
  rate: (key, reader) => {
    const limit = reader.next(Rate, 'a limit');
    return async ({ store }) => {
      const { allowed, remaining, retryAfterMs } = await store.rate(key, limit);
      return { allowed, remaining, retryAfter: Math.ceil(retryAfterMs / 1000) };
    };
  },
  windowAdd: (key, reader) => {
    const [n, span] = [reader.next(Whole, 'a whole number'), reader.next(Span, 'a window')];
    return ({ store }) => store.windowAdd(key, n, span);
  },
  windowSum: (key, reader) => {
    const span = reader.next(Span, 'a window');
    return ({ store }) => store.windowSum(key, span);
  },
  distinctAdd: (key, reader) => {
    const [member, perMs] = [reader.next(z.string(), 'a member'), reader.next(Ms, 'a period')];
    return ({ store }) => store.distinctAdd(key, member, perMs);
  },
  distinctCount: (key, reader) => {
    const perMs = reader.next(Ms, 'a period');
    return ({ store }) => store.distinctCount(key, perMs);
  },
  lease: (key, reader) => {
    const terms = reader.next(Terms, 'the terms of a lease');
    return ({ store, leases }) => leases.acquire(store, key, terms);
  },
  release: (key) => (on) => on.leases.release(on.store, key),
  scan: (prefix, reader, namespace) => {
    const { limit, cursor } = reader.next(PageOf, 'which page');
    const where = cursor === undefined ? {} : { cursor };
    return async ({ store }) => {
      // Where entries are large a page has fewer.
      for (let most = limit; ; most = Math.ceil(most / 4)) {
        const page = await store.scan(prefix, { limit: most, ...where });
        const carried = carryPage(page, prefix, namespace);
        if (sizeOf(carried.entries) <= MAX_PAGE_BYTES || most === 1) return carried;
      }
    };
  },
} satisfies Record<string, (key: string, reader: ArgumentReader, namespace: string) => Run>;

/** Takes arguments one after the other. */
class ArgumentReader {
  readonly #name: string;
  readonly #args: readonly unknown[];
  #at = 0;

  constructor(name: string, args: readonly unknown[]) {
    this.#name = name;
    this.#args = args;
  }

  next<Value>(schema: z.ZodType<Value>, expected: string): Value {
    const result = schema.safeParse(this.#args[this.#at++]);
    if (result.success) return result.data;
    throw new CapabilityFailure('ERR_ARGUMENT', `kv.${this.#name}: expected ${expected}`);
  }

  value(): Buffer {
    return this.next(Stored, 'a JSON value or bytes');
  }

  ttl(): number | undefined {
    return this.next(Ttl, 'a ttl in milliseconds');
  }
}

function carry(stored: Buffer): Carried {
  if (stored[0] === BYTES_MARK) return { bytes: stored.toString('latin1', 1) };
  return { json: stored.toString('utf8') };
}

/** A page as a filter sees it: without its namespace, states as what they come to. */
function carryPage({ entries, next }: Page, prefix: string, namespace: string) {
  return {
    entries: entries
      // A cursor comes back from the sandbox: whatever it was made into leads nowhere else.
      .filter(({ key }) => key.startsWith(prefix))
      .map(({ key, sight }) => [
        key.slice(namespace.length + 1),
        sight.kind === 'value' ? carry(sight.value) : { json: JSON.stringify(summary(sight)) },
      ]),
    next: next ?? null,
  };
}

/** Throws {@link CapabilityFailure} when this is too much to cross at once. */
export function checkAnswerSize(name: string, answer: unknown): void {
  if (sizeOf(answer) <= MAX_ANSWER_BYTES) return;
  throw new CapabilityFailure(
    'ERR_ANSWER_SIZE',
    `kv.${name}: the answer has more than ${MAX_ANSWER_BYTES} bytes; ask for less at once`,
  );
}

/** The length of the texts in an answer, which is all that can be long in it. */
function sizeOf(answer: unknown): number {
  if (typeof answer === 'string') return answer.length;
  if (typeof answer !== 'object' || answer === null) return 1;
  return Object.values(answer).reduce<number>((sum, value) => sum + sizeOf(value), 0);
}

function summary(sight: Exclude<Sight, { kind: 'value' }>): object {
  switch (sight.kind) {
    case 'rate':
      return { kind: 'rate', used: sight.used };
    case 'window':
      return { kind: 'window', sum: sight.sum };
    case 'distinct':
      return { kind: 'distinct', count: sight.count };
    case 'lease':
      return { kind: 'lease', count: sight.holders.length };
    default:
      return sight satisfies never;
  }
}
