import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { KvError } from '../../src/kv/errors.ts';
import { openStore } from '../../src/kv/open.ts';
import type { Store } from '../../src/kv/store.ts';
import { freePort } from '../harness/ports.ts';
import { pollFor } from '../harness/waiting.ts';

const run = promisify(execFile);
const CALLER = join(__dirname, 'faults-caller.ts');

/** A server whose life is in the hand of the tests. */
export interface Mortal {
  readonly port: number;
  kill(): Promise<void>;
  restart(): Promise<void>;
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

/** The longest that a call may take, whatever happens to the server. */
const SETTLED_MS = 6_000;
/** How soon the store works when its server does. */
const RECOVERED_MS = 2_000;

/** What a store on the network does when its server is not as it should be. */
export function describeFaults(scheme: string, start: () => Promise<Mortal>): void {
  const urlOf = (port: number) => `${scheme}://127.0.0.1:${port}`;
  const open = (port: number) => openStore(urlOf(port), { cwd: '/' });
  const outcomeOf = (call: Promise<unknown>) =>
    call.then(
      () => 'answered',
      (error: unknown) => (error instanceof KvError ? error.code : String(error)),
    );
  const manyCalls = (store: Store) =>
    Promise.all(
      Array.from({ length: 20 }, (_, n) => [
        outcomeOf(store.get(`k${n}`)),
        outcomeOf(store.incr('n', 1, 60_000)),
      ]).flat(),
    );
  const worksAgain = (store: Store, since: number) =>
    pollFor(
      () =>
        store.set('back', Buffer.from('x')).then(
          () => true,
          () => undefined,
        ),
      {
        timeoutMs: RECOVERED_MS,
        failure: () => 'the store does not work again',
      },
    ).then(() => performance.now() - since);

  /** Does `task` on a store whose server does as `behave` says with each connection. */
  async function onFalseServer(
    behave: (socket: Socket) => void,
    task: (store: Store, connections: () => number) => Promise<void>,
  ): Promise<void> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      socket.once('close', () => sockets.delete(socket));
      behave(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const store = await open((server.address() as AddressInfo).port);
    try {
      await task(store, () => sockets.size);
    } finally {
      await store.close();
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  }

  describe('a server', () => {
    let server: Mortal;
    beforeAll(async () => {
      server = await start();
    });
    afterAll(() => server?.stop());

    test('that is not there is an error which says so, soon', async () => {
      const port = await freePort();
      const store = await open(port);
      const begin = performance.now();
      const error = await store.get('a').catch((reason: unknown) => reason);
      expect(performance.now() - begin).toBeLessThan(1000);
      expect(error).toBeInstanceOf(KvError);
      expect(error).toMatchObject({
        code: 'ERR_KV_UNAVAILABLE',
        message: expect.stringMatching(
          new RegExp(`^${urlOf(port)}.*: connect ECONNREFUSED 127.0.0.1:${port}; see that `),
        ),
      });
      await store.close();
    });

    test('that is killed and started again is used again by itself', async () => {
      const store = await open(server.port);
      for (let round = 0; round < 2; round++) {
        await store.set('a', Buffer.from('x'));
        await server.kill();
        expect(new Set(await manyCalls(store))).toEqual(new Set(['ERR_KV_UNAVAILABLE']));
        // Long enough for every pause between attempts to have become the longest.
        await setTimeout(1500);
        await server.restart();
        expect(await worksAgain(store, performance.now())).toBeLessThan(RECOVERED_MS);
      }
      await store.close();
    });

    test('that is killed while it works leaves no call without an answer', async () => {
      const store = await open(server.port);
      await store.set('a', Buffer.from('x'));
      const calls = manyCalls(store);
      await server.kill();
      for (const outcome of await calls) expect(outcome).toMatch(/^(answered|ERR_KV_UNAVAILABLE)$/);
      await server.restart();
      await worksAgain(store, performance.now());
      await store.close();
    });

    test('that hangs for three seconds fails its calls, and works when it goes on', async () => {
      const store = await open(server.port);
      await store.set('a', Buffer.from('x'));
      server.pause();
      const begin = performance.now();
      try {
        while (performance.now() - begin < 3000) {
          expect(new Set(await manyCalls(store))).toEqual(new Set(['ERR_KV_UNAVAILABLE']));
        }
        expect(performance.now() - begin).toBeLessThan(3000 + SETTLED_MS);
      } finally {
        server.resume();
      }
      expect(await worksAgain(store, performance.now())).toBeLessThan(RECOVERED_MS);
      await store.close();
    });

    test('that comes and goes under a process does not end it, and the process ends by itself', async () => {
      const calling = run(process.execPath, [CALLER, urlOf(server.port), '3000']);
      await setTimeout(700);
      await server.kill();
      await setTimeout(500);
      await server.restart();
      const { stdout, stderr } = await calling;
      expect(JSON.parse(stdout)).toEqual({ answered: true, failed: true, lastAnswered: true });
      expect(stderr).toBe('');
    });
  });

  describe('a false server', () => {
    test('that never answers: every call is settled, and nothing piles up', async () => {
      await onFalseServer(
        (socket) => socket.resume(),
        async (store, connections) => {
          const begin = performance.now();
          for (let round = 0; round < 10; round++) {
            expect(new Set(await manyCalls(store))).toEqual(new Set(['ERR_KV_UNAVAILABLE']));
          }
          expect(performance.now() - begin).toBeLessThan(SETTLED_MS);
          expect(connections()).toBeLessThanOrEqual(2);
        },
      );
    });

    test.each([
      [
        'closes each connection at the first request',
        (socket: Socket) => socket.once('data', () => socket.end()),
      ],
      [
        'resets each connection',
        (socket: Socket) => socket.once('data', () => socket.resetAndDestroy()),
      ],
      [
        'speaks HTTP',
        (socket: Socket) =>
          socket.on('data', () =>
            socket.write('HTTP/1.1 400 Bad Request\r\nContent-Length: 5\r\n\r\nsorry'),
          ),
      ],
    ])('that %s is an error of each call', async (_, behave) => {
      await onFalseServer(behave, async (store) => {
        for (let round = 0; round < 5; round++) {
          expect(new Set(await manyCalls(store))).toEqual(new Set(['ERR_KV_UNAVAILABLE']));
        }
      });
    });

    test.each(['nobody', 'silence'])(
      '(%s) does not end a process, which ends by itself',
      async (kind) => {
        const server = createServer((socket) => socket.on('error', () => undefined).resume());
        const port = await freePort();
        if (kind === 'silence') await once(server.listen(port, '127.0.0.1'), 'listening');
        const { stdout, stderr } = await run(process.execPath, [CALLER, urlOf(port), '1500']);
        server.close();
        expect(JSON.parse(stdout)).toEqual({ answered: false, failed: true, lastAnswered: false });
        expect(stderr).toBe('');
      },
    );
  });
}
