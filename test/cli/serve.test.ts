import { readdir, readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { MilterClient } from '../../src/testing/milter-client.ts';
import { freePort } from '../harness/ports.ts';
import type { RunningProcess } from '../harness/processes.ts';
import { pollFor } from '../harness/waiting.ts';
import { folderWith, logged, parseLine, postern, serve } from './postern.ts';

const FILTER = `import { kv, log, reject, sleep, type Message, type Session } from 'postern';
export const options = { wall: '10s' };
export function helo(session: Session) { if (session.helo === 'bad') return reject('5.7.1 No'); }
export async function eom(session: Session, message: Message) {
  if (session.helo === 'slow') { log.info('slow'); await sleep(1500); }
  message.headers.add('X-Count', String(await kv.incr('n')));
}
export async function exit() { await kv.set('ended', true); }
`;

async function message(client: MilterClient, helo = 'mx') {
  await client.negotiate();
  await client.connectInfo();
  await client.helo(helo);
  await client.mail('a@example.org');
  await client.rcpt('b@example.com');
  await client.header('Subject', 'x');
  await client.eoh();
  await client.body('x');
  return client.eom();
}

describe('postern serve', () => {
  let folder: Awaited<ReturnType<typeof folderWith>>;
  let port: number;

  beforeEach(async () => {
    folder = await folderWith({ 'filter.ts': FILTER, 'broken.ts': 'export function eom( {' });
    port = await freePort();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    for (const server of servers.splice(0)) await server.stop();
    await folder.remove();
  });

  /** Stopped after the test, whatever happens in it. */
  const servers: RunningProcess[] = [];
  const clients: MilterClient[] = [];

  async function start(cwd: string, ...args: string[]): Promise<RunningProcess> {
    const server = await serve(cwd, ...args);
    servers.push(server);
    return server;
  }

  async function connect(listen = `inet:127.0.0.1:${port}`): Promise<MilterClient> {
    const client = await MilterClient.connect(listen);
    clients.push(client);
    return client;
  }

  test('serves filters that are named on the command line, and says when and where', async () => {
    const server = await start(
      folder.path,
      '--filter',
      'filter.ts',
      '--listen',
      `inet:127.0.0.1:${port}`,
      '--kv',
      'memory:',
      '--workers',
      '1',
    );
    expect(parseLine(server.lines.find((line) => parseLine(line)?.msg === 'ready')!)).toMatchObject(
      { listen: [`inet:127.0.0.1:${port}`], filters: ['filter'], workers: 1 },
    );
    const advice = `    smtpd_milters = inet:127.0.0.1:${port}\n`;
    await pollFor(async () => server.stderr().includes(advice) || undefined, {
      timeoutMs: 5_000,
      failure: () => `expected ${advice}, got ${server.stderr()}`,
    });
    const client = await connect();
    expect((await message(client)).modifications).toEqual([
      { kind: 'addheader', name: 'X-Count', value: ' 1' },
    ]);
    await client.quit();
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  });

  test('listens on a Unix socket with the mode that it was given, and takes it away at the end', async () => {
    const path = join(folder.path, 'milter.sock');
    const config = {
      milter: { listen: { listen: `unix:${path}`, mode: '0660' } },
      filters: ['filter.ts'],
      kv: { default: 'memory:' },
    };
    const configured = await folderWith({
      'filter.ts': FILTER,
      'postern.config.ts': `export default ${JSON.stringify(config)};`,
    });
    const server = await start(configured.path);
    expect(((await stat(path)).mode & 0o777).toString(8)).toBe('660');
    const client = await connect(`unix:${path}`);
    expect((await message(client)).final.kind).toBe('continue');
    client.destroy();
    await server.stop();
    await expect(stat(path)).rejects.toThrow('ENOENT');
    await configured.remove();
  });

  test('finishes the message that is under way when it is told to stop, and runs exit', async () => {
    const args = [
      '--filter',
      'filter.ts',
      '--listen',
      `inet:127.0.0.1:${port}`,
      '--kv',
      'lmdb:./data',
      '--workers',
      '1',
    ];
    const server = await start(folder.path, ...args);
    const client = await connect();
    const end = message(client, 'slow');
    await logged(server, ({ msg }) => msg === 'slow');
    const stopped = server.stop('SIGTERM', 15_000);
    expect((await end).final.kind).toBe('continue');
    expect(await stopped).toEqual({ code: 0, signal: null });
  });

  test('replaces a worker that is killed', async () => {
    const server = await start(
      folder.path,
      '--filter',
      'filter.ts',
      '--listen',
      `inet:127.0.0.1:${port}`,
      '--kv',
      'lmdb:./data',
      '--workers',
      '2',
    );
    const workers = await childrenNamed(server.pid, 'postern worker');
    expect(workers).toHaveLength(2);
    process.kill(workers[0]!, 'SIGKILL');
    await logged(server, ({ msg }) => msg.startsWith('worker ended by SIGKILL'));
    for (let round = 0; round < 3; round += 1) {
      const client = await connect();
      expect((await message(client)).final.kind).toBe('continue');
      await client.quit();
    }
    await server.stop();
  });

  test('leaves no process behind when it is killed itself', async () => {
    const server = await start(
      folder.path,
      '--filter',
      'filter.ts',
      '--listen',
      `inet:127.0.0.1:${port}`,
      '--kv',
      'memory:',
      '--workers',
      '1',
    );
    const [worker] = await childrenNamed(server.pid, 'postern worker');
    const runners = await childrenNamed(worker!, 'postern runner');
    expect(runners.length).toBeGreaterThan(0);
    process.kill(server.pid, 'SIGKILL');
    await server.exited;
    await gone([worker!, ...runners]);
    await server.stop();
  });

  test('refuses to start with a filter that does not compile, and names the place', async () => {
    const { code, said, stdout } = await postern(
      folder.path,
      'serve',
      '--filter',
      'broken.ts',
      '--listen',
      `inet:127.0.0.1:${port}`,
    );
    expect({ code, said, stdout }).toEqual({
      code: 2,
      said: [expect.stringMatching(/^broken\.ts:1:\d+: /)],
      stdout: '',
    });
  });

  test('refuses to start with a filter that throws when it loads', async () => {
    const bad = await folderWith({
      'throws.ts': `export function eom() {}\nthrow new Error('no');`,
    });
    const { code, said } = await postern(
      bad.path,
      'serve',
      '--filter',
      'throws.ts',
      '--listen',
      `inet:127.0.0.1:${port}`,
      '--kv',
      'memory:',
    );
    expect({ code, said }).toEqual({
      code: 2,
      said: [expect.stringMatching(/^throws\.ts:2:7: Error: no$/)],
    });
    await bad.remove();
  });

  test('says which port is taken', async () => {
    const other = createServer().listen(port, '127.0.0.1');
    const { code, said } = await postern(
      folder.path,
      'serve',
      '--filter',
      'filter.ts',
      '--listen',
      `inet:127.0.0.1:${port}`,
      '--kv',
      'memory:',
    );
    other.close();
    expect({ code, said }).toEqual({
      code: 1,
      said: [expect.stringContaining(`127.0.0.1:${port}`)],
    });
  });

  test('says what is wrong with the command line', async () => {
    expect((await postern(folder.path, 'serve', '--listen', 'inet:nowhere')).said.join()).toMatch(
      /--listen: expected a listen address/,
    );
    expect((await postern(folder.path, 'serve')).said.join()).toMatch(/filter/);
    expect((await postern(folder.path, 'serve', '--nonsense')).code).toBe(2);
  });
});

/** Ids of child processes whose title begins so; waits for at least one. */
function childrenNamed(parent: number, title: string): Promise<number[]> {
  const look = async () => {
    const found: number[] = [];
    for (const name of await readdir('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const status = await readFile(`/proc/${name}/status`, 'latin1').catch(() => '');
      const commandLine = await readFile(`/proc/${name}/cmdline`, 'latin1').catch(() => '');
      if (status.includes(`\nPPid:\t${parent}\n`) && commandLine.startsWith(title)) {
        found.push(Number(name));
      }
    }
    return found.length > 0 ? found : undefined;
  };
  return pollFor(look, { timeoutMs: 10_000, failure: () => `process ${parent} has no ${title}` });
}

/** Waits until none of these processes is alive; one that nobody has reaped yet is dead, too. */
async function gone(pids: readonly number[]): Promise<void> {
  for (const pid of pids) {
    const look = async () => {
      const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '');
      return status === '' || /\nState:\tZ/.test(status) || undefined;
    };
    await pollFor(look, { timeoutMs: 10_000, failure: () => `process ${pid} is still alive` });
  }
}
