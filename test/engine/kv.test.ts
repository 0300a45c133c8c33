import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import type { EngineSession } from '../../src/engine/contract.ts';
import { MemoryStore } from '../../src/kv/memory.ts';
import type { Store } from '../../src/kv/store.ts';
import { EngineUnderTest, type Surroundings } from './engine-under-test.ts';

let under: EngineUnderTest | undefined;

afterEach(async () => {
  await under?.stop();
  under = undefined;
});

/** A filter that runs this code in `helo` and logs what it returns as JSON, or the error. */
const asking = (name: string, code: string, options = '{}') => ({
  name,
  source: `import { kv, log, sleep, settings } from 'postern';
    export const options = { cpu: '500ms', ...${options} };
    export async function helo(session) {
      const { state } = session;
      try {
        const result = await (async () => { ${code} })();
        log.info(JSON.stringify(result === undefined ? 'undefined' : result));
      } catch (error) {
        log.info(JSON.stringify({ code: error.code, message: error.message, at: error.stack }));
      }
    }`,
});

/** What the code comes to. */
async function answer(code: string, surroundings: Surroundings = {}): Promise<unknown> {
  under = await EngineUnderTest.start([asking('asks', code)], {}, surroundings);
  await under.open().call({ phase: 'helo' });
  return JSON.parse(under.said.at(-1)!);
}

describe('kv in a filter', () => {
  test.each<[code: string, result: unknown]>([
    ["return kv.get('a')", 'undefined'],
    ["await kv.set('a', { n: [1, null, 'x'] }); return kv.get('a')", { n: [1, null, 'x'] }],
    ["await kv.set('a', new Uint8Array([0, 255])); return [...await kv.get('a')]", [0, 255]],
    [
      "await kv.set('a', 1, { ttl: '5m' }); const ms = await kv.ttl('a'); return ms > 299000 && ms <= 300000",
      true,
    ],
    [
      "await kv.set('a', 1); return [await kv.has('a'), await kv.has('b'), await kv.ttl('a')]",
      [true, false, null],
    ],
    ["return [await kv.add('a', 1), await kv.add('a', 2), await kv.get('a')]", [true, false, 1]],
    [
      "await kv.set('a', { x: 1 }); return [await kv.cas('a', { x: 2 }, 3), await kv.cas('a', { x: 1 }, 3), await kv.get('a')]",
      [false, true, 3],
    ],
    ["return [await kv.cas('a', undefined, 1), await kv.cas('a', undefined, 2)]", [true, false]],
    [
      "return [await kv.incr('n'), await kv.incr('n', 5, { ttl: 1000 }), await kv.incr('n', -2)]",
      [1, 6, 4],
    ],
    [
      "await kv.set('a', 1); return [await kv.expire('a', '1h'), await kv.expire('b', '1h'), await kv.ttl('a') > 3590000]",
      [true, false, true],
    ],
    ["await kv.set('a', 1); return [await kv.delete('a'), await kv.delete('a')]", [true, false]],
    [
      "const r = []; for (let n = 0; n < 3; n++) r.push(await kv.rate('r', { limit: 2, per: '1h' })); return r.map(({ allowed, remaining, retryAfter }) => [allowed, remaining, retryAfter])",
      [
        [true, 1, 0],
        [true, 0, 0],
        [false, 0, 1800],
      ],
    ],
    ["return (await kv.rate('r', { limit: 1, per: '1m', burst: 10, cost: 3 })).remaining", 7],
    [
      "const w = kv.window('w', { per: '1h' }); await w.add(); await w.add(4); return [await w.sum(), await w.add(0)]",
      [5, 5],
    ],
    [
      "const d = kv.distinct('d', { per: '1h' }); return [await d.add('x'), await d.add('y'), await d.add('x'), await d.count()]",
      [1, 2, 2, 2],
    ],
    [
      "const l = await kv.lease('l', { limit: 2, ttl: '1m' }); const before = [l.acquired, l.count]; await l.release(); return [before, await kv.has('l')]",
      [[true, 1], false],
    ],
    [
      "return await kv.batch([['set', 'a', { x: 1 }], ['get', 'a'], ['incr', 'n', 3], ['has', 'none'], ['get', 'none'], ['add', 'a', 2, { ttl: '1m' }], ['rate', 'r', { limit: 1, per: '1m' }]])",
      [null, { x: 1 }, 3, false, null, false, { allowed: true, remaining: 0, retryAfter: 0 }],
    ],
    [
      "for (let n = 0; n < 450; n++) await kv.set('many/' + n, n); const found = []; for await (const [key, value] of kv.scan('many/')) found.push(key === 'many/' + value); return [found.length, found.every(Boolean)]",
      [450, true],
    ],
    [
      "await kv.set('s/plain', 'x'); await kv.lease('s/lease', { limit: 1, ttl: '1m' }); const all = {}; for await (const [key, value] of kv.scan('s/')) all[key] = value; return all",
      { 's/plain': 'x', 's/lease': { kind: 'lease', count: 1 } },
    ],
    ["return (await Promise.all(Array.from({ length: 500 }, () => kv.incr('n')))).at(-1)", 500],
  ])('%s', async (code, result) => {
    expect(await answer(code)).toEqual(result);
  });

  test.each<[code: string, error: object]>([
    ["await kv.get('')", { message: expect.stringContaining('expected a key') }],
    ["await kv.get('x'.repeat(2000))", { code: 'ERR_KV_KEY' }],
    [
      "await kv.set('a', () => 1)",
      { message: expect.stringContaining('expected a JSON value or bytes') },
    ],
    [
      "await kv.set('a', 1, { ttl: 'soon' })",
      { message: expect.stringContaining('expected a duration') },
    ],
    [
      "await kv.set('a', 1, { ttl: 0 })",
      { message: expect.stringContaining('longer than nothing') },
    ],
    ["await kv.incr('a', 0.5)", { message: expect.stringContaining('whole number') }],
    ["await kv.set('a', 'text'); await kv.incr('a')", { code: 'ERR_KV_NOT_A_NUMBER' }],
    [
      "await kv.incr('a'); await kv.rate('a', { limit: 1, per: 1000 })",
      {
        code: 'ERR_KV_TYPE',
        message: expect.stringContaining('asks/a: expected a rate, but the key holds a value'),
      },
    ],
    [
      "await kv.rate('a', { limit: 0, per: 1000 })",
      { message: expect.stringContaining('more than 0') },
    ],
    ["await kv.rate('a', { limit: 2, per: 1000, cost: 3 })", { code: 'ERR_KV_ARGUMENT' }],
    ["await kv.rate('a')", { message: expect.any(String) }],
    [
      "await kv.lease('a', { limit: 1.5, ttl: '1m' })",
      { message: expect.stringContaining('whole number') },
    ],
    [
      "await kv.store('other').get('a')",
      {
        code: 'ERR_KV_ARGUMENT',
        message: expect.stringContaining("there is no store named 'other'; there are: default"),
      },
    ],
    [
      "await kv.group('all').get('a')",
      {
        code: 'ERR_KV_ARGUMENT',
        message: expect.stringContaining("there is no group of stores named 'all'; there is none"),
      },
    ],
    [
      "await kv.batch([['get', 'a'], ['drop', 'b']])",
      { message: expect.stringContaining('expected call 2 to begin with') },
    ],
    [
      "await kv.batch([['incr', 'a'], ['set', 'b', 'x'], ['incr', 'b']])",
      { code: 'ERR_KV_NOT_A_NUMBER', message: expect.stringContaining('call 3 of the batch') },
    ],
  ])('%s is an error that says what is wrong', async (code, error) => {
    expect(await answer(code)).toMatchObject({ at: expect.any(String), ...error });
  });

  test('an error has the place where the call was made', async () => {
    const { at } = (await answer("\n\nawait kv.set('a', 'x'); await kv.incr('a')")) as {
      at: string;
    };
    expect(at).toMatch(/CapabilityError \[ERR_KV_NOT_A_NUMBER\]/);
    expect(at).toMatch(/filter:asks/);
  });

  test('keys of filters are apart, unless they share a namespace', async () => {
    const sharing = "{ kv: { namespace: 'shared' } }";
    under = await EngineUnderTest.start([
      asking('one', "return kv.incr('n')"),
      asking('two', "return kv.incr('n')"),
      asking('three', "return kv.incr('n')", sharing),
      asking('four', "return kv.incr('n')", sharing),
      asking(
        'five',
        "const keys = []; for await (const [key] of kv.scan('')) keys.push(key); return keys",
      ),
    ]);
    await under.open().call({ phase: 'helo' });
    expect(under.said).toEqual(['1', '1', '1', '2', '[]']);
    expect((await under.store.get('shared/n'))?.toString()).toBe('2');
  });
});

describe('answers that are too large', () => {
  const large = "for (let n = 0; n < 40; n++) await kv.set('big/' + n, new Uint8Array(1000000)); ";

  test('are an error of the batch that asked, and the worker lives', async () => {
    const code = `${large} await kv.batch(Array.from({ length: 40 }, (_, n) => ['get', 'big/' + n]))`;
    expect(await answer(code)).toMatchObject({
      code: 'ERR_ANSWER_SIZE',
      message: 'kv.batch: the answer has more than 16777216 bytes; ask for less at once',
    });
  });

  test('make smaller pages of a scan', async () => {
    const code = `${large} let sum = 0; for await (const [, value] of kv.scan('big/')) sum += value.length; return sum`;
    expect(await answer(code)).toBe(40_000_000);
  });

  test('a batch of more than 100 calls is refused', async () => {
    const code = "await kv.batch(Array.from({ length: 101 }, () => ['get', 'a']))";
    expect(await answer(code)).toMatchObject({
      code: 'ERR_ARGUMENT',
      message: 'kv.batch: expected a list of at most 100 calls',
    });
  });
});

describe('a filter that tampers with the numbers of events', () => {
  test('gets nothing of the sessions of others', async () => {
    const thief = `import { kv, log } from 'postern';
      const stringify = JSON.stringify;
      JSON.stringify = (value, ...rest) => Array.isArray(value) && value[0]?.[0] === 'call'
        ? stringify([1, 2, 3, 4, 5, 6].map((event) => ['call', value[0][1], event, 'body', []]))
        : stringify(value, ...rest);
      export const options = { wall: '1s' };
      export async function helo() { log.info('stole ' + (await kv.get('x')).length); }`;
    under = await EngineUnderTest.start([
      { name: 'thief', source: thief },
      {
        name: 'victim',
        source:
          "import { sleep } from 'postern'; export async function eom() { await sleep(1500); }",
      },
    ]);
    const host = { progress: () => {}, queueId: () => undefined };
    const victim = under.engine.open([1], { ...host, body: () => Buffer.from('secret') });
    victim.learn({ f: 'mail', address: '<a@example.org>', args: [] });
    const eom = victim.call({ phase: 'eom', size: 1 });
    const session = under.engine.open([0], { ...host, body: () => Buffer.alloc(0) });
    await session.call({ phase: 'helo' });
    expect(under.said.filter((text) => text.startsWith('stole'))).toEqual([]);
    expect((await eom).verdict).toEqual({ kind: 'continue' });
  });
});

/** A store whose calls fail. */
function failing(): Store {
  const store = new MemoryStore();
  void store.close();
  return store;
}

describe('a group of stores', () => {
  const surroundings = () => {
    const stores = { one: new MemoryStore(), two: new MemoryStore(), broken: failing() };
    return { stores, groups: { both: ['one', 'two'], all: ['one', 'broken', 'default'] } };
  };

  test('reads from all, writes to all, deletes from all', async () => {
    const around = surroundings();
    await around.stores.one.set('asks/a', Buffer.from('"old"'));
    const code = `const both = kv.group('both'); const results = [await both.get('a'), await both.set('a', { n: 1 }, { ttl: '1h' }), await both.get('a'), await both.incr('n'), await both.delete('a')];
      return [...results, await kv.store('one').has('a'), await kv.store('two').get('n')]`;
    expect(await answer(code, around)).toEqual([
      { one: { value: 'old' }, two: {} },
      { one: {}, two: {} },
      { one: { value: { n: 1 } }, two: { value: { n: 1 } } },
      { one: { value: 1 }, two: { value: 1 } },
      { one: { value: true }, two: { value: true } },
      false,
      1,
    ]);
  });

  test('has the primitives, each store for itself', async () => {
    const code = `await kv.store('one').rate('r', { limit: 2, per: '1h' });
      const both = kv.group('both');
      const rates = await both.rate('r', { limit: 2, per: '1h' });
      await both.window('w', { per: '1h' }).add(3);
      const leases = await both.lease('l', { limit: 1, ttl: '1m' });
      await leases.one.value.release();
      const batch = await both.batch([['incr', 'n'], ['get', 'none']]);
      return [rates.one.value.remaining, rates.two.value.remaining, await both.window('w', { per: '1h' }).sum(),
        await both.distinct('d', { per: '1h' }).add('x'), leases.two.value.acquired, await both.has('l'), batch]`;
    expect(await answer(code, surroundings())).toEqual([
      0,
      1,
      { one: { value: 3 }, two: { value: 3 } },
      { one: { value: 1 }, two: { value: 1 } },
      true,
      { one: { value: false }, two: { value: true } },
      { one: { value: [1, null] }, two: { value: [1, null] } },
    ]);
  });

  test('tells the error of a store that fails, and the results of the others', async () => {
    const code = `const { one, broken, ...others } = await kv.group('all').incr('n');
      return [one, Object.keys(others), broken.error instanceof Error, broken.error.code, broken.error.message]`;
    expect(await answer(code, surroundings())).toEqual([
      { value: 1 },
      ['default'],
      true,
      'ERR_KV_UNAVAILABLE',
      'the store is closed',
    ]);
  });

  test('is gone through store by store, and one that fails is one entry with the error', async () => {
    const code = `await kv.group('both').set('s/a', 1); await kv.store('two').set('s/b', 2); await kv.set('s/c', 3);
      const entries = [];
      for (const name of ['both', 'all'])
        for await (const { store, key, value, error } of kv.group(name).scan('s/')) entries.push([store, key ?? error.code, value]);
      return entries`;
    expect(await answer(code, surroundings())).toEqual([
      ['one', 's/a', 1],
      ['two', 's/a', 1],
      ['two', 's/b', 2],
      ['one', 's/a', 1],
      ['broken', 'ERR_KV_UNAVAILABLE', null],
      ['default', 's/c', 3],
    ]);
  });
});

describe('a lease', () => {
  const places = (limit: number, ttl = '1m') =>
    `const { acquired, count } = await kv.lease('places', { limit: ${limit}, ttl: '${ttl}' }); return [acquired, count]`;

  const helo = async (session: EngineSession) => {
    await session.call({ phase: 'helo' });
    return JSON.parse(under!.said.at(-1)!) as [acquired: boolean, count: number];
  };

  const holders = async (key = 'asks/places') => {
    const sight = await under!.store.look(key);
    return sight?.kind === 'lease' ? sight.holders.length : 0;
  };

  /** Waits until the store says so; what frees a place is not told to anybody. */
  const until = async (count: number) => {
    while ((await holders()) !== count) await setImmediate();
  };

  test('belongs to its session, which has one place however often it asks', async () => {
    under = await EngineUnderTest.start([asking('asks', places(2))]);
    const [first, second, third] = [under.open(), under.open(), under.open()];
    expect(await helo(first)).toEqual([true, 1]);
    expect(await helo(first)).toEqual([true, 1]);
    expect(await helo(second)).toEqual([true, 2]);
    expect(await helo(third)).toEqual([false, 2]);
    first.close();
    await until(1);
    expect(await helo(third)).toEqual([true, 2]);
  });

  test('lives as long as its session, far beyond its ttl', async () => {
    under = await EngineUnderTest.start([asking('asks', places(1, '300ms'))]);
    const [holder, other] = [under.open(), under.open()];
    expect(await helo(holder)).toEqual([true, 1]);
    const sight = await under.store.look('asks/places');
    const endMs = performance.now() + 1000;
    let least = sight?.ttlMs ?? 0;
    while (performance.now() < endMs) {
      least = Math.min(least, (await under.store.ttl('asks/places')) ?? 0);
      await setImmediate();
    }
    expect(least).toBeGreaterThan(0);
    expect(await helo(other)).toEqual([false, 1]);
    holder.close();
    await until(0);
    expect(await helo(other)).toEqual([true, 1]);
  });

  test('survives the runner, because the worker holds it', async () => {
    under = await EngineUnderTest.start([asking('asks', places(1, '300ms'))]);
    const [holder, other] = [under.open(), under.open()];
    await helo(holder);
    process.kill(under.engine.runners[0]!.pid!, 'SIGKILL');
    await under.logs(({ text }) => text.startsWith('runner died'));
    const later = performance.now() + 600;
    while (performance.now() < later) await setImmediate();
    expect(await helo(other)).toEqual([false, 1]);
  });

  test('that comes when its session has gone is given back', async () => {
    let answerLate: (() => void) | undefined;
    const seen = new EventTarget();
    class LateStore extends MemoryStore {
      override async leaseAcquire(...args: Parameters<MemoryStore['leaseAcquire']>) {
        seen.dispatchEvent(new Event('asked'));
        await new Promise<void>((resolve) => {
          answerLate = resolve;
        });
        return super.leaseAcquire(...args);
      }
      override async leaseRelease(...args: Parameters<MemoryStore['leaseRelease']>) {
        const wasHeld = await super.leaseRelease(...args);
        if (wasHeld) seen.dispatchEvent(new Event('released'));
        return wasHeld;
      }
    }
    const store = new LateStore();
    under = await EngineUnderTest.start(
      [asking('asks', places(1))],
      {},
      { stores: { default: store } },
    );
    const session = under.open();
    const isAsked = once(seen, 'asked');
    const calling = session.call({ phase: 'helo' });
    await isAsked;
    session.cancel();
    session.close();
    await calling;
    const isReleased = once(seen, 'released');
    answerLate?.();
    await isReleased;
    expect(await store.look('asks/places')).toBeUndefined();
  });

  test('that is asked for when its client has gone is held by nobody', async () => {
    under = await EngineUnderTest.start([
      asking(
        'asks',
        "await kv.get('x'); return (await kv.lease('places', { limit: 100, ttl: '5m' })).acquired",
      ),
    ]);
    for (let round = 0; round < 40; round++) {
      const session = under.open();
      const calling = session.call({ phase: 'helo' });
      for (let turn = 0; turn < round; turn++) await setImmediate();
      session.cancel();
      session.close();
      await calling;
    }
    // What was under way has ended when one more session has gone the same way in peace.
    const last = under.open();
    expect(await helo(last)).toBe(true);
    last.close();
    await until(0);
  });

  test('that was lost while the store was away is taken again, or said to be gone', async () => {
    under = await EngineUnderTest.start([asking('asks', places(1, '300ms'))]);
    const holder = under.open();
    await helo(holder);
    await under.store.delete('asks/places');
    await until(1);
    await under.store.delete('asks/places');
    await under.store.leaseAcquire('asks/places', 'somebody', { limit: 1, ttlMs: 60_000 });
    const line = await under.logs(({ text }) => text.includes('ran out while its store was away'));
    expect(line).toMatchObject({
      level: 'warn',
      fields: { key: 'asks/places', session: holder.id },
    });
  });
});
