/** Real Redis servers for tests: one, a cluster of three, or a master with a replica and a sentinel. */

import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { heldClock } from './held-clock.ts';
import { freePorts } from './ports.ts';
import { type RunningProcess, startProcess } from './processes.ts';
import { type TemporaryDirectory, temporaryDirectory } from './temporary-directory.ts';
import { pollFor } from './waiting.ts';

/** A running redis-server. */
export type RedisServer = {
  readonly port: number;
  readonly directory: string;
  readonly pid: number;
  /** Asks it by redis-cli; gives what that prints, without the last line's end. */
  cli(...args: readonly string[]): Promise<string>;
  /** Sets the server's clock forward, and waits until it shows. Only with `clock`. */
  advance(ms: number): Promise<void>;
  /** Ends it, and starts it again on the same port when that is asked for. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** Ends the process and removes the folder. More than once is fine. */
  stop(): Promise<void>;
};

export type RedisServerOptions = {
  /** The server lives by a clock that the test can set forward. */
  readonly clock?: boolean;
  /** More of its settings, as on its command line. */
  readonly settings?: readonly string[];
  /** Only with TLS: no plain port. The files are in `directory` of the certificate. */
  readonly tls?: Certificate;
};

export type Certificate = { readonly ca: string; readonly cert: string; readonly key: string };

const TIMEOUT_MS = 10_000;
const run = promisify(execFile);

/** Starts one server that keeps nothing on disk. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const [port] = await freePorts(1);
  return startOn(port!, options);
}

async function startOn(port: number, options: RedisServerOptions): Promise<RedisServer> {
  const { settings = [], tls } = options;
  const folder = await temporaryDirectory('postern-redis-');
  const clock = options.clock ? heldClock(folder.path) : undefined;
  const tlsSettings = tls
    ? ['--port', '0', '--tls-port', `${port}`, '--tls-auth-clients', 'no'].concat([
        '--tls-cert-file',
        tls.cert,
        '--tls-key-file',
        tls.key,
        '--tls-ca-cert-file',
        tls.ca,
      ])
    : ['--port', `${port}`];
  const launch = () =>
    startProcess({
      command: 'redis-server',
      args: [
        ...tlsSettings,
        ...['--bind', '127.0.0.1', '--dir', folder.path, '--save', ''],
        ...['--unixsocket', join(folder.path, 'redis.sock'), '--logfile', '', ...settings],
      ],
      env: { ...clock?.env },
      ready: (line) => line.includes('Ready to accept connections'),
    });
  let server = await orRemove(folder, launch());
  const cliTls = tls ? ['--tls', '--cacert', tls.ca] : [];
  const cli = async (...args: readonly string[]) => {
    const all = ['-h', '127.0.0.1', '-p', `${port}`, ...cliTls, ...args];
    return (await run('redis-cli', all, { timeout: TIMEOUT_MS })).stdout.trimEnd();
  };
  const nowMs = async () => {
    const [seconds, micros] = (await cli('TIME')).split('\n');
    return Number(seconds) * 1000 + Number(micros) / 1000;
  };
  return {
    port,
    directory: folder.path,
    get pid() {
      return server.pid;
    },
    cli,
    advance: async (ms) => {
      const before = await nowMs();
      clock?.advance(ms);
      await pollFor(async () => (await nowMs()) >= before + ms || undefined, {
        timeoutMs: TIMEOUT_MS,
        failure: () => 'the clock of redis-server does not follow',
      });
    },
    kill: async () => void (await server.stop('SIGKILL')),
    restart: async () => {
      server = await launch();
    },
    stop: async () => {
      await server.stop();
      await folder.remove();
    },
  };
}

/** A cluster of three masters. */
export type RedisCluster = {
  readonly nodes: readonly RedisServer[];
  advance(ms: number): Promise<void>;
  stop(): Promise<void>;
};

const SLOTS = 16384;

/** Starts three nodes that share the slots among them. */
export async function startRedisCluster(options: { clock?: boolean } = {}): Promise<RedisCluster> {
  // The bus has ports of its own, so that no node's port plus 10000 has to be free.
  const ports = await freePorts(6);
  const nodes: RedisServer[] = [];
  const stop = async () => void (await Promise.all(nodes.map((node) => node.stop())));
  try {
    for (let n = 0; n < 3; n++) {
      const settings = ['--cluster-enabled', 'yes', '--cluster-port', `${ports[n + 3]}`].concat([
        '--cluster-node-timeout',
        '2000',
        '--cluster-require-full-coverage',
        'no',
      ]);
      nodes.push(await startOn(ports[n]!, { ...options, settings }));
    }
    const [first] = nodes;
    for (const [n, node] of nodes.entries()) {
      const range = [n, n + 1].map((part) => Math.floor((part * SLOTS) / 3));
      await node.cli('CLUSTER', 'ADDSLOTSRANGE', `${range[0]}`, `${range[1]! - 1}`);
      await node.cli('CLUSTER', 'SET-CONFIG-EPOCH', `${n + 1}`);
      if (node !== first)
        await first!.cli('CLUSTER', 'MEET', '127.0.0.1', `${node.port}`, `${ports[n + 3]}`);
    }
    for (const node of nodes) await waitForCluster(node);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    nodes,
    advance: async (ms) => void (await Promise.all(nodes.map((node) => node.advance(ms)))),
    stop,
  };
}

async function waitForCluster(node: RedisServer): Promise<void> {
  await pollFor(
    async () => {
      const info = await node.cli('CLUSTER', 'INFO');
      const isWhole = /cluster_slots_ok:16384\b/.test(info) && /cluster_size:3\b/.test(info);
      return (isWhole && info.includes('cluster_state:ok')) || undefined;
    },
    { timeoutMs: 20_000, failure: () => 'the nodes do not become a cluster' },
  );
}

/** A master with a replica, and a sentinel that watches them as `mymaster`. */
export type RedisSentinel = {
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly port: number;
  stop(): Promise<void>;
};

export async function startRedisSentinel(): Promise<RedisSentinel> {
  const [port] = await freePorts(1);
  const master = await startRedis({ settings: ['--repl-diskless-sync-delay', '0'] });
  const stops: (() => Promise<unknown>)[] = [() => master.stop()];
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each();
  };
  try {
    const replica = await startRedis({
      settings: ['--replicaof', `127.0.0.1 ${master.port}`],
    });
    stops.push(() => replica.stop());
    await pollFor(
      async () =>
        (await replica.cli('INFO', 'replication')).includes('master_link_status:up') || undefined,
      { timeoutMs: TIMEOUT_MS, failure: () => 'the replica does not follow its master' },
    );
    const folder = await temporaryDirectory('postern-sentinel-');
    stops.push(() => folder.remove());
    const sentinel = await startSentinel(folder.path, port!, master.port);
    stops.push(() => sentinel.stop());
    await pollFor(
      async () => {
        const all = ['-p', `${port}`, 'SENTINEL', 'replicas', 'mymaster'];
        return (await run('redis-cli', all)).stdout.includes(`${replica.port}`) || undefined;
      },
      { timeoutMs: 20_000, failure: () => 'the sentinel does not find the replica' },
    );
    return { master, replica, port: port!, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startSentinel(
  folder: string,
  port: number,
  masterPort: number,
): Promise<RunningProcess> {
  await mkdir(join(folder, 'data'));
  const file = join(folder, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${join(folder, 'data')}`,
    `sentinel monitor mymaster 127.0.0.1 ${masterPort} 1`,
    'sentinel down-after-milliseconds mymaster 500',
    'sentinel failover-timeout mymaster 3000',
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  return startProcess({
    command: 'redis-server',
    args: [file, '--sentinel'],
    ready: (line) => line.includes('+monitor master'),
  });
}

async function orRemove<T>(folder: TemporaryDirectory, starting: Promise<T>): Promise<T> {
  try {
    return await starting;
  } catch (error) {
    await folder.remove();
    throw error;
  }
}

/** A certificate for localhost and 127.0.0.1, signed by itself. */
export async function makeCertificate(folder: string): Promise<Certificate> {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const subject = [
    '-subj',
    '/CN=localhost',
    '-addext',
    'subjectAltName=DNS:localhost,IP:127.0.0.1',
  ];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await run('openssl', [
    'req',
    '-x509',
    ...kind,
    '-days',
    '2',
    '-keyout',
    key,
    '-out',
    cert,
    ...subject,
  ]);
  return { ca: cert, cert, key };
}
