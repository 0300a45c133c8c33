import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import net, { connect, type Socket } from 'node:net';
import { parseListen } from '../../src/milter/address.ts';
import { Listener, type ListenerOptions } from '../../src/milter/listener.ts';
import { prepareUnixSocket, SocketFileError } from '../../src/milter/unix-socket.ts';
import { FakeLog } from './dialogue.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const opened: Listener[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((listener) => listener.close()));
});

async function open(spec: string, more: Partial<ListenerOptions> = {}) {
  const sockets: Socket[] = [];
  const log = new FakeLog();
  const listener = await Listener.open({
    address: parseListen(spec),
    log,
    onConnection: (socket) => {
      sockets.push(socket);
      // One who only looks whether somebody answers is gone at once.
      socket.on('error', () => {});
      socket.end('x');
    },
    ...more,
  });
  opened.push(listener);
  return { listener, log, sockets };
}

/** What a listener says to one who connects. */
function said(target: { path: string } | { port: number; host: string }): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(target);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
}

/** Leaves a socket file whose process is gone: killed, it could not remove it. */
function leaveStaleSocket(path: string): void {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  try {
    execFileSync(process.execPath, ['-e', script], { stdio: 'ignore' });
  } catch {
    // Killed, as it should be.
  }
  expect(lstatSync(path).isSocket()).toBe(true);
}

describe('TCP', () => {
  test("a port of the system's choice is told", async () => {
    const { listener } = await open('inet:127.0.0.1:0');
    const { address } = listener;
    if (address.kind !== 'tcp') throw new Error('expected TCP');
    expect(address.port).toBeGreaterThan(0);
    expect(await said({ port: address.port, host: '127.0.0.1' })).toBe('x');
  });

  test('a port that is taken is an error', async () => {
    const { listener } = await open('inet:127.0.0.1:0');
    const { address } = listener;
    if (address.kind !== 'tcp') throw new Error('expected TCP');
    await expect(open(`inet:127.0.0.1:${address.port}`)).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });

  test('after close nobody is let in, and those inside stay', async () => {
    const { listener, sockets } = await open('inet:127.0.0.1:0', {
      onConnection: (socket) => sockets.push(socket),
    });
    const { address } = listener;
    if (address.kind !== 'tcp') throw new Error('expected TCP');
    const inside = connect({ port: address.port, host: '127.0.0.1' });
    await new Promise((resolve) => inside.once('connect', resolve));
    await listener.close();
    await expect(said({ port: address.port, host: '127.0.0.1' })).rejects.toThrow(/ECONNREFUSED/);
    expect(inside.destroyed).toBe(false);
    inside.destroy();
    for (const socket of sockets) socket.destroy();
  });
});

describe('a Unix socket', () => {
  test('has the mode that was asked for and is gone after close', async () => {
    const path = folder.path('m.sock');
    const { listener } = await open(`unix:${path}`, { file: { mode: 0o620 } });
    expect(statSync(path).mode & 0o777).toBe(0o620);
    expect(await said({ path })).toBe('x');
    await listener.close();
    expect(existsSync(path)).toBe(false);
  });

  test('has the owner and group that were asked for', async () => {
    if (process.getuid?.() !== 0) return;
    const path = folder.path('m.sock');
    await open(`unix:${path}`, { file: { owner: 'nobody', group: '12' } });
    expect(statSync(path)).toMatchObject({ uid: 65_534, gid: 12 });
  });

  test('with an unknown owner does not stay open', async () => {
    const path = folder.path('m.sock');
    await expect(open(`unix:${path}`, { file: { owner: 'no-such-user' } })).rejects.toThrow(
      "'no-such-user' is not in /etc/passwd",
    );
    expect(existsSync(path)).toBe(false);
  });

  test('that a dead process left behind is replaced', async () => {
    const path = folder.path('m.sock');
    leaveStaleSocket(path);
    await open(`unix:${path}`);
    expect(await said({ path })).toBe('x');
  });

  test('where somebody answers is left alone', async () => {
    const path = folder.path('m.sock');
    await open(`unix:${path}`);
    await expect(open(`unix:${path}`)).rejects.toMatchObject({
      code: 'ERR_SOCKET_LIVE',
      message: `another process is listening at ${path}`,
    });
    expect(await said({ path })).toBe('x');
  });

  test('is not made over a file that is no socket', async () => {
    const path = folder.path('precious');
    writeFileSync(path, 'data');
    await expect(open(`unix:${path}`)).rejects.toMatchObject({ code: 'ERR_SOCKET_NOT_A_SOCKET' });
    expect(statSync(path).size).toBe(4);
  });

  test('in a folder that is not there is an error', async () => {
    await expect(open(`unix:${folder.path('no/m.sock')}`)).rejects.toThrow();
    expect(readdirSync(folder.path('.'))).toEqual([]);
  });

  test('belongs to another process: its file is not touched', async () => {
    const path = folder.path('m.sock');
    leaveStaleSocket(path);
    await expect(open(`unix:${path}`, { ownsFile: false })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    await prepareUnixSocket(path);
    expect(existsSync(path)).toBe(false);
    await prepareUnixSocket(path);
  });

  test('errors are of one class', () => {
    expect(new SocketFileError('ERR_SOCKET_FILE', 'm')).toMatchObject({ name: 'SocketFileError' });
  });
});

test('a connection that could not be accepted is logged, and the next one is', async () => {
  const made = jest.spyOn(net, 'createServer');
  const { listener, log } = await open('inet:127.0.0.1:0');
  const [server] = made.mock.results.map(({ value }) => value as net.Server);
  server!.emit('error', Object.assign(new Error('too many open files'), { code: 'EMFILE' }));
  expect(log.lines).toMatchObject([{ level: 'error', fields: { code: 'EMFILE' } }]);
  const { address } = listener;
  if (address.kind !== 'tcp') throw new Error('expected TCP');
  expect(await said({ port: address.port, host: '127.0.0.1' })).toBe('x');
});
