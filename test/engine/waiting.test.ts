import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EngineSession, Outcome } from '../../src/engine/contract.ts';
import { MemoryStore } from '../../src/kv/memory.ts';
import { EngineUnderTest, type FilterSource } from './engine-under-test.ts';

let under: EngineUnderTest | undefined;
let web: HeldWeb | undefined;

afterEach(async () => {
  await under?.stop();
  await web?.close();
  under = undefined;
  web = undefined;
});

/** Counts who came and lets a test wait for the next. */
class Arrivals {
  #count = 0;
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  get count(): number {
    return this.#count;
  }

  note(): void {
    this.#count += 1;
    for (const { count, resolve } of this.#waiting) if (count <= this.#count) resolve();
  }

  reach(count: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#count >= count) resolve();
      else this.#waiting.push({ count, resolve });
    });
  }
}

/** A store whose `get` waits until the test lets it answer. */
class HeldStore extends MemoryStore {
  readonly asked = new Arrivals();
  #open: () => void = () => {};
  readonly #opened = new Promise<void>((resolve) => {
    this.#open = resolve;
  });

  override async get(key: string): Promise<Buffer | undefined> {
    this.asked.note();
    await this.#opened;
    return super.get(key);
  }

  release(): void {
    this.#open();
  }
}

/** A web server that answers when the test says so. */
class HeldWeb {
  readonly asked = new Arrivals();
  readonly gone = new Arrivals();
  /** What those had asked for whose connection ended. */
  readonly left: string[] = [];
  readonly #server: Server;
  readonly #held = new Set<ServerResponse>();
  #isOpen = false;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => {
      this.#held.add(response);
      request.socket.once('close', () => {
        this.left.push(request.url!);
        this.gone.note();
      });
      if (this.#isOpen) response.end();
      this.asked.note();
    });
  }

  static async open(): Promise<HeldWeb> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new HeldWeb(server);
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  release(): void {
    this.#isOpen = true;
    for (const response of this.#held) response.end();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function helo(session: EngineSession, name: string): Promise<Outcome> {
  session.learn({ f: 'helo', name });
  return session.call({ phase: 'helo' });
}

function mail(session: EngineSession): Promise<Outcome> {
  session.learn({ f: 'mail', address: '<a@example.org>', args: [] });
  return session.call({ phase: 'mail' });
}

/** Not about CPU time, unless it is said: a busy machine must not fail it. */
const PATIENT = `cpu: '1s', wall: '60s'`;

/** A filter that waits in HELO for those who say so, and one that only answers. */
function waiting(code: string, host = 'localhost'): FilterSource[] {
  return [
    {
      name: 'waits',
      source: `import { http, kv, log, sleep } from 'postern';
        export const options = { ${PATIENT}, http: ['${host}'] };
        export async function helo(session) { if (session.helo === 'waits') { log.debug('asks'); ${code} } }`,
    },
    {
      name: 'answers',
      source: `import { reject } from 'postern';
        export const options = { ${PATIENT} };
        export function mail() { return reject('5.7.1 At once'); }`,
    },
  ];
}

const MANY = 500;

describe('500 sessions that wait', () => {
  async function beside(
    code: string,
    asked: () => Promise<unknown>,
    release: ((waiters: EngineSession[]) => void) | undefined,
    store: MemoryStore,
  ): Promise<void> {
    under = await EngineUnderTest.start(
      waiting(code, web?.host),
      {},
      { stores: { default: store } },
    );
    const answered: string[] = [];
    const waiters = Array.from({ length: MANY }, () => under!.open());
    const others = Array.from({ length: MANY }, () => under!.open());
    // Side by side, so that those who do not wait come after some of those who do.
    const all = waiters.flatMap((waiter, index) => {
      const call = () => (index % 2 ? mail(others[index]!) : helo(others[index]!, 'goes on'));
      return [
        helo(waiter, 'waits').then(() => answered.push('waited')),
        call().then(({ verdict }) => answered.push(verdict.kind)),
      ];
    });
    await asked();
    // Whoever comes while all of them wait is answered as well.
    await Promise.all(all.filter((_, index) => index % 2 === 1));
    const late = await Promise.all(others.map((other) => mail(other)));
    expect(late.every(({ verdict }) => verdict.kind === 'reject')).toBe(true);
    expect(answered.filter((kind) => kind === 'reject')).toHaveLength(MANY / 2);
    expect(answered.filter((kind) => kind === 'continue')).toHaveLength(MANY / 2);
    expect(answered).not.toContain('waited');
    if (release) release(waiters);
    await Promise.all(all);
    expect(answered.filter((kind) => kind === 'waited')).toHaveLength(MANY);
  }

  const said = (text: string) =>
    under!.logs(() => under!.said.filter((line) => line === text).length === MANY);

  test('for a store delay nobody', async () => {
    const store = new HeldStore();
    const asked = () => store.asked.reach(MANY);
    await beside(`await kv.get('slow');`, asked, () => store.release(), store);
  });

  test('for the time delay nobody', async () => {
    const cancel = (waiters: EngineSession[]) => {
      for (const waiter of waiters) waiter.cancel();
    };
    await beside(`await sleep('50s');`, () => said('asks'), cancel, new MemoryStore());
  });

  test('for a web server delay nobody', async () => {
    web = await HeldWeb.open();
    const code = `await http.fetch('http://${web.host}/').catch(() => {});`;
    await beside(
      code,
      () => said('asks'),
      () => web!.release(),
      new MemoryStore(),
    );
  });
});

describe('Promise.all', () => {
  test('asks a store for ten things before one of them is answered', async () => {
    const store = new HeldStore();
    const code = `await Promise.all(Array.from({ length: 10 }, (_, n) => kv.get('key' + n)));`;
    under = await EngineUnderTest.start(waiting(code), {}, { stores: { default: store } });
    const outcome = helo(under.open(), 'waits');
    await store.asked.reach(10);
    store.release();
    expect((await outcome).verdict.kind).toBe('continue');
    expect(store.asked.count).toBe(10);
  });

  test('sends ten requests to a web server before one of them is answered', async () => {
    web = await HeldWeb.open();
    const code = `await Promise.all(Array.from({ length: 10 }, () => http.fetch('http://${web!.host}/')));`;
    under = await EngineUnderTest.start(waiting(code, web.host));
    const outcome = helo(under.open(), 'waits');
    await web.asked.reach(10);
    web.release();
    expect((await outcome).verdict.kind).toBe('continue');
  });
});

describe('code after an await', () => {
  test.each([
    ['after a sleep', `await sleep(1); for (;;);`],
    ['after a kv.get', `await kv.get('x'); for (;;);`],
    ['in a then', `await sleep(1).then(() => { for (;;); });`],
    ['in a then that nobody awaits', `sleep(1).then(() => { for (;;); }); await sleep('50s');`],
    ['in a catch', `await kv.incr('text').catch(() => { for (;;); });`],
    ['in a finally', `try { await sleep(1); } finally { for (;;); }`],
    [
      'in an async generator',
      `async function* endless() { await sleep(1); yield 1; for (;;); } for await (const one of endless()) await sleep(one);`,
    ],
    [
      'in the return of an async generator',
      `async function* closes() { try { yield 1; } finally { await sleep(1); for (;;); } } for await (const _ of closes()) break;`,
    ],
    ['that awaits nothing for ever', `await sleep(1); for (;;) await null;`],
  ])('has the CPU limit too: %s', async (_, code) => {
    const store = new HeldStore();
    under = await EngineUnderTest.start(
      [
        {
          name: 'loops',
          source: `import { kv, log, sleep } from 'postern';
            export const options = { cpu: '200ms', wall: '60s', onError: 'reject' };
            export async function helo(session) { if (session.helo === 'loops') { await kv.set('text', 'x'); ${code} } }`,
        },
        {
          name: 'keeps',
          source: `import { kv, reject } from 'postern';
            export const options = { ${PATIENT} };
            let kept = 0;
            export async function mail(session) {
              session.state.calls = (session.state.calls ?? 0) + 1;
              kept += 1;
              await kv.store('held').get('x');
              return reject('5.0.0 ' + session.state.calls + ' ' + kept);
            }`,
        },
      ],
      {},
      { stores: { held: store } },
    );
    const runner = under.engine.runners[0]!.pid;
    const other = under.open();
    const waits = mail(other);
    await store.asked.reach(1);
    const outcome = await helo(under.open(), 'loops');
    expect(outcome).toMatchObject({ verdict: { kind: 'reject' }, filter: 'loops' });
    const errors = under.logged.filter(({ level }) => level === 'error');
    expect(errors.map(({ fields }) => fields.why)).toEqual(['cpu']);
    store.release();
    const text = (lines: string) => ({ verdict: { reply: { lines: [lines] } } });
    expect(await waits).toMatchObject(text('1 1'));
    expect(await mail(other)).toMatchObject(text('2 2'));
    expect((await helo(under.open(), 'goes on')).verdict.kind).toBe('continue');
    expect(under.engine.runners[0]!.pid).toBe(runner);
  });
});

describe('a promise that a handler leaves behind', () => {
  /** `helo` leaves something behind; `mail` waits long enough for it to go on, if it could. */
  const leaves = (code: string, host = 'localhost'): FilterSource => ({
    name: 'leaves',
    source: `import { http, kv, log, sleep } from 'postern';
      export const options = { ${PATIENT}, http: ['${host}'] };
      export async function helo(session) { ${code} }
      export async function mail() { await sleep(50); await kv.get('x'); }`,
  });

  test.each([
    ['a sleep', `sleep(1).then(() => log.info('went on'));`],
    ['an async function', `(async () => { await sleep(1); log.info('went on'); })();`],
    ['a kv.get', `kv.get('x').then(() => log.info('went on'));`],
    ['one of two', `await Promise.race([sleep(0), sleep(5).then(() => log.info('went on'))]);`],
    ['of a handler that failed', `sleep(1).then(() => log.info('went on')); throw new Error('x');`],
    [
      'a sleep that begins when the handler has ended',
      `let late = Promise.resolve(); for (let n = 0; n < 10; n += 1) late = late.then(() => {}); late.then(() => sleep(1)).then(() => log.info('went on'));`,
    ],
  ])('never goes on: %s', async (_, code) => {
    under = await EngineUnderTest.start([leaves(code)]);
    const session = under.open();
    await helo(session, 'leaves');
    await mail(session);
    // Nor in the phases of others.
    await mail(under.open());
    expect(under.said).toEqual([]);
  });

  test('is given up by the web server’s client', async () => {
    web = await HeldWeb.open();
    const store = new HeldStore();
    const url = `http://${web.host}/`;
    const code = `if (session.helo === 'waits') await http.fetch('${url}waits');
      else { http.fetch('${url}left').then(() => log.info('went on')); await kv.get('x'); }`;
    const stores = { default: store };
    under = await EngineUnderTest.start([leaves(code, web.host)], {}, { stores });
    // It would end by its own limit of time as well, but later than this one, which is older.
    const older = helo(under.open(), 'waits');
    await web.asked.reach(1);
    const outcome = helo(under.open(), 'leaves');
    await web.asked.reach(2);
    expect(web.left).toEqual([]);
    store.release();
    expect((await outcome).verdict.kind).toBe('continue');
    await web.gone.reach(1);
    expect(web.left).toEqual(['/left']);
    web.release();
    expect((await older).verdict.kind).toBe('continue');
    expect(under.said).toEqual([]);
  });

  test('still sets what it was told to set', async () => {
    under = await EngineUnderTest.start([leaves(`kv.set('last', session.helo); kv.incr('n');`)]);
    const session = under.open();
    await helo(session, 'mx.example.org');
    await mail(session);
    expect(String(await under.store.get('leaves/last'))).toBe('"mx.example.org"');
    expect(String(await under.store.get('leaves/n'))).toBe('1');
  });
});

describe('a promise that several sessions await', () => {
  test.each([
    [
      'goes on for all of them',
      `await kv.set('x', 1); shared ??= kv.get('slow'); await shared; await kv.get('y');`,
    ],
  ])('%s', async (_, code) => {
    const store = new HeldStore();
    under = await EngineUnderTest.start(
      [
        {
          name: 'shares',
          source: `import { kv, sleep } from 'postern';
            export const options = { cpu: '1s', wall: '5s' };
            let shared;
            export async function helo(session) { ${code} }`,
        },
      ],
      {},
      { stores: { default: store } },
    );
    const outcomes = ['first', 'second', 'third'].map((name) => helo(under!.open(), name));
    await store.asked.reach(1);
    store.release();
    for (const { verdict } of await Promise.all(outcomes)) expect(verdict.kind).toBe('continue');
  });
});

describe('a rejection that nobody handles', () => {
  const careless = (code: string): FilterSource => ({
    name: 'careless',
    source: `import { kv, log, reject, sleep } from 'postern';
export const options = { ${PATIENT} };
export async function helo(session) {
  if (session.helo === 'careless') {
    ${code}
  }
  if (session.helo === 'waits') await kv.store('held').get('x');
  session.state.calls = (session.state.calls ?? 0) + 1;
  return reject('5.7.1 ' + session.state.calls);
}`,
  });

  const FORGOTTEN: readonly (readonly [string, string, RegExp | undefined])[] = [
    ['of Promise.reject', `Promise.reject(new Error('oops'));`, /careless\.ts:5:20$/],
    ['of an async function', `(async () => { throw new Error('oops'); })();`, /:5:26$/],
    [
      'after an await',
      `(async () => { await sleep(1); throw new Error('oops'); })(); await sleep(40);`,
      /:5:42$/,
    ],
    ['of kv', `kv.set('n', 'x'); kv.incr('n'); await sleep(20);`, /:5:26$/],
    ['in a then', `sleep(1).then(() => { throw new Error('oops'); }); await sleep(40);`, /:5:33$/],
    [
      'in a finally',
      `sleep(1).finally(() => { throw new Error('oops'); }); await sleep(40);`,
      /:5:36$/,
    ],
    ['that is a text', `Promise.reject('oops');`, undefined],
    ['that is null', `Promise.reject(null);`, undefined],
    ['that is nothing', `Promise.reject();`, undefined],
    ['that is a symbol', `Promise.reject(Symbol('oops'));`, undefined],
    ['that is a function', `Promise.reject(() => {});`, undefined],
    ['that is an object', `Promise.reject({ oops() {} });`, undefined],
    [
      'that cannot be looked at',
      `Promise.reject({ get stack() { throw 1; }, get message() { throw 2; } });`,
      undefined,
    ],
  ];

  test.each(FORGOTTEN)('is logged once and fails nobody: %s', async (_, code, at) => {
    const store = new HeldStore();
    under = await EngineUnderTest.start([careless(code)], {}, { stores: { held: store } });
    const runner = under.engine.runners[0]!.pid;
    const kept = under.open();
    await helo(kept, 'first');
    const waiters = [under.open(), under.open()].map((session) => helo(session, 'waits'));
    await store.asked.reach(2);
    const session = under.open();
    const refused = (count: number) => ({
      verdict: { kind: 'reject', reply: { lines: [String(count)] } },
    });
    expect(await helo(session, 'careless')).toMatchObject(refused(1));
    store.release();
    for (const outcome of await Promise.all(waiters)) expect(outcome).toMatchObject(refused(1));
    // Neither its isolate nor its runner is lost, with what they know.
    expect(await helo(kept, 'again')).toMatchObject(refused(2));
    expect(await helo(session, 'again')).toMatchObject(refused(2));
    expect(under.engine.runners[0]!.pid).toBe(runner);
    const errors = under.logged.filter(({ level }) => level === 'error' || level === 'warn');
    expect(errors).toHaveLength(1);
    expect(errors[0]!.text).toContain('nobody handled');
    if (at) expect(errors[0]!.fields.at).toMatch(at);
    // Not a place in the server, which says nothing to an author.
    expect(JSON.stringify(errors[0]!.fields)).not.toContain('src/runner');
  });

  test('in init is logged and keeps nobody from starting', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'careless',
        source: `import { reject, sleep } from 'postern';
export async function init() {
  Promise.reject(new Error('oops'));
  await sleep(1);
}
export function helo() { return reject(); }`,
      },
    ]);
    expect((await helo(under.open(), 'mx')).verdict.kind).toBe('reject');
    const line = under.logged.find(({ text }) => text.includes('nobody handled'));
    expect(line?.fields.at).toMatch(/careless\.ts:3:18$/);
  });

  test('is logged no longer than any other error, however long it is', async () => {
    under = await EngineUnderTest.start([
      careless(`Promise.reject(new Error('x'.repeat(2 ** 22)));`),
    ]);
    await helo(under.open(), 'careless');
    const line = await under.logs(({ text }) => text.includes('nobody handled'));
    expect(JSON.stringify(line.fields).length).toBeLessThan(20_000);
  });
});

describe('limits of time', () => {
  test('the wall limit runs while a handler waits, and the CPU limit does not', async () => {
    under = await EngineUnderTest.start([
      {
        name: 'patient',
        source: `import { sleep } from 'postern';
          export const options = { cpu: '50ms', wall: '20s', onError: 'reject' };
          export async function helo() { for (let n = 0; n < 4; n += 1) await sleep(60); }`,
      },
      {
        name: 'endless',
        source: `import { sleep } from 'postern';
          export const options = { cpu: '1s', wall: '200ms', onError: 'reject' };
          export async function mail() { for (;;) await sleep(60); }
          export async function unknown() { await new Promise(() => {}); }`,
      },
    ]);
    const session = under.open();
    expect((await helo(session, 'mx')).verdict.kind).toBe('continue');
    expect((await mail(session)).verdict.kind).toBe('reject');
    expect((await session.call({ phase: 'unknown', command: 'X' })).verdict.kind).toBe('reject');
    const errors = under.logged.filter(({ level }) => level === 'error');
    expect(errors.map(({ fields: { why, phase } }) => [why, phase])).toEqual([
      ['wall', 'mail'],
      ['wall', 'unknown'],
    ]);
  });
});
