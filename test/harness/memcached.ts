/** A real memcached for tests. */

import { once } from 'node:events';
import { connect } from 'node:net';
import { freePort } from './ports.ts';
import { type RunningProcess, startProcess } from './processes.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { pollFor } from './waiting.ts';

/** A memcached on loopback; its port stays the same through its restarts, its items do not. */
export type MemcachedServer = {
  readonly port: number;
  /** Ends it by SIGKILL, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again after {@link kill}, empty. */
  restart(): Promise<void>;
  /** SIGSTOP: it accepts connections and answers nothing. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** One of its statistics, such as `curr_items`: how many items take up room. */
  stat(name: string): Promise<number>;
  /** Makes it empty. */
  flush(): Promise<void>;
  /** Ends it. More than once is fine. */
  stop(): Promise<void>;
};

export type MemcachedOptions = {
  /** It wants a login by SASL, and knows nobody. */
  readonly withUsers?: boolean;
};

const START_TIMEOUT_MS = 10_000;

/** Starts memcached and waits until it listens. */
export async function startMemcached({
  withUsers = false,
}: MemcachedOptions = {}): Promise<MemcachedServer> {
  // Its configuration of SASL is in a folder, where nothing means the defaults.
  const folder = await temporaryDirectory('postern-memcached-');
  const port = await freePort();
  let server: RunningProcess;
  const start = async () => {
    server = await startProcess({
      command: 'memcached',
      args: ['-l', '127.0.0.1', '-p', String(port), '-u', 'nobody', ...(withUsers ? ['-S'] : [])],
      env: { SASL_CONF_PATH: folder.path },
    });
    await waitUntilOpen(server, port);
  };
  // A stopped process does not hear SIGTERM, and there is nothing to save.
  const kill = async () => void (await server?.stop('SIGKILL'));
  const stop = async () => {
    await kill();
    await folder.remove();
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    port,
    kill,
    restart: start,
    pause: () => void process.kill(server.pid, 'SIGSTOP'),
    resume: () => void process.kill(server.pid, 'SIGCONT'),
    stat: (name) => stat(port, name),
    flush: async () => void (await ask(port, 'flush_all', 'OK\r\n')),
    stop,
  };
}

async function waitUntilOpen(server: RunningProcess, port: number): Promise<void> {
  const ended = new AbortController();
  void server.exited.then(() => ended.abort(new Error(`memcached ended: ${server.stderr()}`)));
  await pollFor(() => opens(port), {
    timeoutMs: START_TIMEOUT_MS,
    failure: () => `memcached does not listen: ${server.stderr()}`,
    signal: ended.signal,
  });
}

async function opens(port: number): Promise<true | undefined> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}

async function stat(port: number, name: string): Promise<number> {
  const text = await ask(port, 'stats', 'END\r\n');
  const [, value] = new RegExp(`^STAT ${name} (.*)\r$`, 'm').exec(text) ?? [];
  if (value === undefined) throw new Error(`memcached has no statistic '${name}'`);
  return Number(value);
}

/** Asks in memcached's text protocol, which is not the one under test. */
async function ask(port: number, command: string, end: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.setEncoding('latin1').write(`${command}\r\n`);
  let text = '';
  for await (const chunk of socket) {
    text += chunk;
    if (text.endsWith(end)) return text;
  }
  throw new Error(`memcached closed the connection after '${text}'`);
}
