/** A real etcd for tests, a cluster of one, in a temporary folder. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from './ports.ts';
import { type RunningProcess, startProcess } from './processes.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { pollFor } from './waiting.ts';

/** An etcd on loopback; its ports and data stay the same through its restarts. */
export type EtcdServer = {
  readonly port: number;
  /** Ends it by SIGKILL, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again after {@link kill}, and waits until it is healthy. */
  restart(): Promise<void>;
  /** SIGSTOP: it accepts connections and answers nothing. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** Ends it and removes its folder. More than once is fine. */
  stop(): Promise<void>;
};

const START_TIMEOUT_MS = 20_000;
const LOG_EXCERPT_LINES = 20;

/** Starts etcd; the end of its log is in the error if it does not become healthy. */
export async function startEtcd(): Promise<EtcdServer> {
  const [port, peerPort] = (await freePorts(2)) as [number, number];
  const folder = await temporaryDirectory('postern-etcd-');
  let server: RunningProcess;
  const start = async () => {
    server = await startServer(folder.path, port, peerPort);
    await waitUntilHealthy(server, port, join(folder.path, 'log'));
  };
  const stop = async () => {
    // A stopped process does not hear SIGTERM, and the data is not needed any more.
    await server?.stop('SIGKILL');
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
    kill: async () => void (await server.stop('SIGKILL')),
    restart: start,
    pause: () => void process.kill(server.pid, 'SIGSTOP'),
    resume: () => void process.kill(server.pid, 'SIGCONT'),
    stop,
  };
}

function startServer(folder: string, port: number, peerPort: number): Promise<RunningProcess> {
  const url = `http://127.0.0.1:${port}`;
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const options = {
    name: 'test',
    'data-dir': join(folder, 'data'),
    'listen-client-urls': url,
    'advertise-client-urls': url,
    'listen-peer-urls': peerUrl,
    'initial-advertise-peer-urls': peerUrl,
    'initial-cluster': `test=${peerUrl}`,
    logger: 'zap',
    'log-outputs': join(folder, 'log'),
    // Survives kill -9 all the same: only a power failure needs the disk.
    'unsafe-no-fsync': 'true',
    // A process group of one elects itself, so it need not wait for others.
    'heartbeat-interval': '50',
    'election-timeout': '500',
  };
  return startProcess({
    command: 'etcd',
    args: Object.entries(options).map(([name, value]) => `--${name}=${value}`),
  });
}

async function waitUntilHealthy(server: RunningProcess, port: number, log: string): Promise<void> {
  const ended = new AbortController();
  void server.exited.then(() => ended.abort(new Error(`etcd ended\n${logEnd(log)}`)));
  await pollFor(
    async () => {
      const response = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
      return response?.ok || undefined;
    },
    {
      timeoutMs: START_TIMEOUT_MS,
      failure: () => `etcd does not become healthy\n${logEnd(log)}`,
      signal: ended.signal,
    },
  );
}

function logEnd(log: string): string {
  try {
    return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-LOG_EXCERPT_LINES).join('\n');
  } catch {
    return '(no log)';
  }
}
