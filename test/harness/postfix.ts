/** A real Postfix for tests, in a temporary folder, with as many listeners as wanted. */

import { execFile } from 'node:child_process';
import { chown, mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type LogWait, MailLog } from './mail-log.ts';
import { freePorts } from './ports.ts';
import { mainCf, masterCf, type PostfixService, type Settings } from './postfix-config.ts';
import { parseQueue, type QueueEntry } from './postfix-queue.ts';
import { type RunningProcess, startProcess } from './processes.ts';
import { SmtpClient } from './smtp-client.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { pollFor } from './waiting.ts';

export type { PostfixService, Settings } from './postfix-config.ts';
export type { QueueEntry } from './postfix-queue.ts';

/** What kind of Postfix to start. */
export type PostfixOptions = {
  /** Each becomes an smtpd on a port of its own. */
  readonly services: readonly PostfixService[];
  /** Settings for main.cf, which win over the harness's own. */
  readonly settings?: Settings;
  /** The port on loopback to which all mail goes on. */
  readonly receiverPort: number;
};

/** A running Postfix. */
export type Postfix = {
  /** The ports of the services, in their order. */
  readonly ports: readonly number[];
  /** The folder with `etc`, `spool`, `data` and `mail.log`. */
  readonly directory: string;
  /** The id of the master process and of the process group with all daemons. */
  readonly pid: number;
  /** The mail log since Postfix was ready. */
  log(): string;
  /** The first line of the log that matches, also when it is there already. */
  waitForLog(pattern: RegExp | string, wait?: LogWait): Promise<string>;
  /** All queues; held messages have the queue name `hold`. */
  queue(): Promise<readonly QueueEntry[]>;
  /**
   * A message in a queue that matches, as soon as there is one. The log is no help here:
   * it has `status=deferred` before the message has moved to the deferred queue.
   */
  waitForQueue(matches: (entry: QueueEntry) => boolean): Promise<QueueEntry>;
  /** Tries to deliver what is deferred now. */
  flush(): Promise<void>;
  /** Ends all processes and removes the folder. More than once is fine. */
  stop(): Promise<void>;
};

const POSTQUEUE = '/usr/sbin/postqueue';
/** What postfix(1) gives its children, so that what goes wrong early gets to the log as well. */
const LOGGING = { POSTLOG_SERVICE: 'postlog', POSTLOG_HOSTNAME: 'mx.postern.test' };
/** The listener without milters that shows whether smtpd can live with the settings. */
const PROBE: PostfixService = { options: { syslog_name: 'probe' } };
const LONG_AGO = new Date(0);
const QUEUE_TIMEOUT_MS = 10_000;
const START_TIMEOUT_MS = 20_000;

const run = promisify(execFile);

/** Starts Postfix; what is wrong with its settings is an error with the log's last lines. */
export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  const { services } = options;
  const [probePort, ...ports] = await freePorts(1 + services.length);
  const listeners = [
    { port: probePort!, service: PROBE },
    ...services.map((service, index) => ({ port: ports[index]!, service })),
  ];
  const folder = await temporaryDirectory('postern-postfix-');
  const config = join(folder.path, 'etc');
  const log = new MailLog(join(folder.path, 'mail.log'));
  let master: RunningProcess | undefined;
  const stop = async () => {
    await master?.stop();
    log.text(); // to be had afterwards, too
    await folder.remove();
  };
  try {
    await layOut(folder.path, mainCf({ directory: folder.path, ...options }), masterCf(listeners));
    const daemons = await check(config);
    master = await startMaster(config, daemons);
    await waitUntilReady(master, log, probePort!);
  } catch (error) {
    const excerpt = log.excerpt();
    await stop();
    throw new Error(`Postfix did not start: ${(error as Error).message}\n${excerpt}`, {
      cause: error,
    });
  }
  const queue = async () => parseQueue((await run(POSTQUEUE, ['-c', config, '-j'])).stdout);
  return {
    ports,
    directory: folder.path,
    pid: master.pid,
    log: () => log.text(),
    waitForLog: (pattern, wait) => log.waitFor(pattern, wait),
    queue,
    waitForQueue: (matches) =>
      pollFor(async () => (await queue()).find(matches), {
        timeoutMs: QUEUE_TIMEOUT_MS,
        failure: () => `no such message in the queue\n${log.excerpt()}`,
      }),
    flush: async () => void (await run(POSTQUEUE, ['-c', config, '-f'])),
    stop,
  };
}

/** Makes the folders that Postfix does not make itself, and the configuration. */
async function layOut(directory: string, main: string, master: string): Promise<void> {
  const { uid, gid } = await postfixUser();
  for (const name of ['etc', 'spool', 'data']) await mkdir(join(directory, name));
  await chown(join(directory, 'data'), uid, gid);
  const mainFile = join(directory, 'etc/main.cf');
  await writeFile(mainFile, main);
  // Each program of Postfix pauses before it reads a file that has changed a second ago.
  await utimes(mainFile, LONG_AGO, LONG_AGO);
  await writeFile(join(directory, 'etc/master.cf'), master);
}

async function postfixUser(): Promise<{ readonly uid: number; readonly gid: number }> {
  const id = async (flag: string) => Number((await run('id', [flag, 'postfix'])).stdout);
  return { uid: await id('-u'), gid: await id('-g') };
}

/**
 * Finds misspelt settings, which Postfix itself takes no notice of, and has Postfix make the
 * folders of its queues. Gives the folder with Postfix's daemons.
 */
async function check(config: string): Promise<string> {
  const { stdout, stderr } = await run('/usr/sbin/postconf', [
    '-c',
    config,
    '-h',
    'daemon_directory',
  ]);
  const unknown = stderr.split('\n').filter((line) => line.includes('unused parameter'));
  if (unknown.length > 0) throw new Error(unknown.join('\n'));
  await run('/usr/sbin/postfix', ['-c', config, 'check'], { env: { ...process.env, ...LOGGING } });
  return stdout.trim();
}

/**
 * Runs the master as a child of ours, not with `postfix start`: so its end is an event, it
 * leads a process group that can be killed as a whole, and no zombie of it stays where
 * process 1 is not an init.
 */
function startMaster(config: string, daemons: string): Promise<RunningProcess> {
  return startProcess({
    command: join(daemons, 'master'),
    args: ['-c', config, '-s'],
    env: LOGGING,
  });
}

/**
 * Waits for the greeting of a listener without milters. Postfix starts with settings that
 * no smtpd can live with, and then lets clients wait for ever.
 */
async function waitUntilReady(
  master: RunningProcess,
  log: MailLog,
  probePort: number,
): Promise<void> {
  const watching = new AbortController();
  const { signal } = watching;
  const timeoutMs = START_TIMEOUT_MS;
  const failure = Promise.race([
    master.exited.then(({ code }) => `the master process ended with code ${code}`),
    log.waitFor(/ (?:fatal|panic): /, { timeoutMs, signal }),
  ]).then((why) => {
    throw new Error(why);
  });
  const success = async () => {
    await log.waitFor('daemon started', { timeoutMs, signal });
    const client = await SmtpClient.connect(probePort);
    await client.quit();
    await log.waitFor(/probe\/smtpd.*: disconnect from/, { timeoutMs, signal });
    log.startHere();
  };
  try {
    await Promise.race([failure, success()]);
  } finally {
    watching.abort();
  }
}
