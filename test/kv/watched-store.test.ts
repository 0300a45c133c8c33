import { setImmediate } from 'node:timers/promises';
import { KvError } from '../../src/kv/errors.ts';
import { MemoryStore } from '../../src/kv/memory.ts';
import { type CallOutcome, WatchedStore } from '../../src/kv/watched-store.ts';

/** A store in memory that a test stops, breaks and mends; it counts what reaches it. */
class MoodyStore extends MemoryStore {
  mood: 'well' | 'silent' | 'broken' = 'well';
  reached = 0;
  /** Answers that are held back; call them to let them go. */
  readonly held: (() => void)[] = [];

  override async get(key: string): Promise<Buffer | undefined> {
    this.reached += 1;
    if (this.mood === 'broken') throw new KvError('ERR_KV_UNAVAILABLE', 'connection refused');
    if (this.mood === 'silent') await new Promise<void>((resolve) => this.held.push(resolve));
    return super.get(key);
  }
}

class Observed {
  readonly outcomes: CallOutcome[] = [];
  readonly said: string[] = [];
  called = (outcome: CallOutcome) => void this.outcomes.push(outcome);
  down = (reason: string) => void this.said.push(`down: ${reason}`);
  up = (_downMs: number, failed: number) => void this.said.push(`up after ${failed} failures`);
}

let store: MoodyStore;
let observed: Observed;
let watched: WatchedStore;

beforeEach(() => {
  store = new MoodyStore({ sweepEveryMs: 0 });
  observed = new Observed();
  watched = new WatchedStore(store, {
    title: 'fleet (redis://h:6379/0)',
    budgetMs: 30,
    observer: observed,
  });
});
afterEach(() => watched.close());

const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'ok',
    ({ code }: KvError) => code,
  );

/** Calls until this comes of it. */
async function until(code: string): Promise<void> {
  while ((await codeOf(watched.get('a'))) !== code) await setImmediate();
}

test('passes calls and answers on', async () => {
  await watched.set('a', Buffer.from('1'), 60_000);
  expect((await watched.get('a'))?.toString()).toBe('1');
  expect(await watched.incr('n', 2)).toBe(2);
  expect(await watched.leaseAcquire('l', 'x', { limit: 1, ttlMs: 1000 })).toMatchObject({
    acquired: true,
  });
  expect(observed.outcomes).toEqual(['ok', 'ok', 'ok', 'ok']);
  expect(observed.said).toEqual([]);
});

test('a call that takes too long is rejected, naming the store and the limit', async () => {
  store.mood = 'silent';
  await expect(watched.get('a')).rejects.toMatchObject({
    code: 'ERR_KV_TIMEOUT',
    message: 'the store fleet (redis://h:6379/0) did not answer within limits.kv of 30 ms',
  });
  expect(observed.said).toEqual([
    'down: the store fleet (redis://h:6379/0) did not answer within limits.kv of 30 ms',
  ]);
});

test('a store that fails again and again is left alone, but for a call now and then', async () => {
  store.mood = 'broken';
  for (let n = 0; n < 3; n++) expect(await codeOf(watched.get('a'))).toBe('ERR_KV_UNAVAILABLE');
  expect(store.reached).toBe(3);
  const refused = await Promise.allSettled(Array.from({ length: 1000 }, () => watched.get('a')));
  expect(store.reached).toBeLessThanOrEqual(4);
  expect(refused[999]).toMatchObject({
    reason: {
      code: 'ERR_KV_UNAVAILABLE',
      message:
        'the store fleet (redis://h:6379/0) does not answer and is left alone for a moment: connection refused',
    },
  });
  expect(observed.said).toEqual(['down: connection refused']);
  store.mood = 'well';
  await until('ok');
  expect(observed.said).toEqual([
    'down: connection refused',
    expect.stringMatching(/^up after \d{4,} failures$/),
  ]);
  expect(await codeOf(watched.get('a'))).toBe('ok');
});

test('of a silent store no more calls are under way than were before it was noticed', async () => {
  store.mood = 'silent';
  const first = Array.from({ length: 50 }, () => codeOf(watched.get('a')));
  expect(new Set(await Promise.all(first))).toEqual(new Set(['ERR_KV_TIMEOUT']));
  await Promise.all(Array.from({ length: 5000 }, () => codeOf(watched.get('a'))));
  expect(store.held.length).toBeLessThanOrEqual(51);
  store.mood = 'well';
  await until('ok');
});

test('an answer that comes too late does not hide that the store is well again', async () => {
  store.mood = 'silent';
  const late = codeOf(watched.get('a'));
  store.mood = 'well';
  expect(await codeOf(watched.get('a'))).toBe('ok');
  expect(await late).toBe('ERR_KV_TIMEOUT');
  expect(observed.said).toEqual([]);
});

test('a mistake of the caller says nothing about the store', async () => {
  await watched.set('a', Buffer.from('text'));
  for (let n = 0; n < 5; n++)
    expect(await codeOf(watched.incr('a', 1))).toBe('ERR_KV_NOT_A_NUMBER');
  expect(await codeOf(watched.get('a'))).toBe('ok');
  expect(observed.outcomes).toEqual(['ok', ...Array(5).fill('mistake'), 'ok']);
  expect(observed.said).toEqual([]);
});

test('a mistake that is found before the store is asked does not make a dead store answer again', async () => {
  store.mood = 'broken';
  for (let n = 0; n < 3; n++) await codeOf(watched.get('a'));
  for (let n = 0; n < 20; n++)
    expect(['ERR_KV_KEY', 'ERR_KV_UNAVAILABLE']).toContain(await codeOf(watched.incr('', 1)));
  expect(observed.said).toEqual(['down: connection refused']);
  expect(await codeOf(watched.get('a'))).toBe('ERR_KV_UNAVAILABLE');
});

test('a store that is well now and then does not rest', async () => {
  for (let n = 0; n < 10; n++) {
    store.mood = n % 3 === 2 ? 'well' : 'broken';
    await codeOf(watched.get('a'));
  }
  expect(store.reached).toBe(10);
});
