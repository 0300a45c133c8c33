/** A real Sendmail for tests, in a temporary folder, with as many listeners as wanted. */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type LogWait, MailLog } from './mail-log.ts';
import { freePorts } from './ports.ts';
import { type RunningProcess, startProcess } from './processes.ts';
import { type SendmailService, type SendmailSettings, sendmailMc } from './sendmail-config.ts';
import { NapAlarm } from './sendmail-nap.ts';
import { SENDMAIL } from './sendmail-package.ts';
import { readQueue, type SendmailQueueEntry } from './sendmail-queue.ts';
import { SmtpClient } from './smtp-client.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { pollFor } from './waiting.ts';

export type { SendmailService, SendmailSettings } from './sendmail-config.ts';
export type { SendmailQueueEntry } from './sendmail-queue.ts';

/** What kind of Sendmail to start. */
export type SendmailOptions = {
  /** Each becomes a daemon on a port of its own, with a filter of its own. */
  readonly services: readonly SendmailService[];
  /** Options of sendmail.cf, which win over the harness's own. */
  readonly settings?: SendmailSettings;
  /** The port on loopback to which all mail goes on. */
  readonly receiverPort: number;
};

/** A running Sendmail. */
export type Sendmail = {
  /** The ports of the services, in their order. */
  readonly ports: readonly number[];
  /** The folder with `sendmail.cf`, `queue` and `mail.log`. */
  readonly directory: string;
  /** The id of the daemon and of the process group with all sessions. */
  readonly pid: number;
  /**
   * What was said with clients, filters and the receiver since Sendmail was ready. It is not
   * the log of a usual Sendmail, which needs a syslog server and so cannot be one's own.
   */
  log(): string;
  /** The first line of the log that matches, also when it is there already. */
  waitForLog(pattern: RegExp | string, wait?: LogWait): Promise<string>;
  /** What is in the queue; quarantined messages have the queue name `hold`. */
  queue(): Promise<readonly SendmailQueueEntry[]>;
  /** A message in the queue that matches, as soon as there is one. */
  waitForQueue(matches: (entry: SendmailQueueEntry) => boolean): Promise<SendmailQueueEntry>;
  /** Ends all processes and removes the folder. More than once is fine. */
  stop(): Promise<void>;
};

const HOSTNAME = 'mx.postern.test';
/** Traces what happens to the milter connections: Sendmail tells it nobody but syslog otherwise. */
const MILTER_TRACE = '-d64.10';
const QUEUE_TIMEOUT_MS = 10_000;
const START_TIMEOUT_MS = 20_000;
/** The listener without a filter that shows that a session is possible. */
const PROBE: SendmailService = {};

const run = promisify(execFile);

/** Starts Sendmail; what is wrong with its settings is an error with its own words. */
export async function startSendmail(options: SendmailOptions): Promise<Sendmail> {
  const { services, settings = {}, receiverPort } = options;
  const [probePort, ...ports] = await freePorts(1 + services.length);
  const listeners = [
    { port: probePort!, service: PROBE },
    ...services.map((service, index) => ({ port: ports[index]!, service })),
  ];
  const folder = await temporaryDirectory('postern-sendmail-');
  const directory = folder.path;
  const log = new MailLog(join(directory, 'mail.log'));
  let daemon: RunningProcess | undefined;
  const stop = async () => {
    await daemon?.stop();
    log.text(); // to be had afterwards, too
    await folder.remove();
  };
  try {
    await layOut(directory, { hostname: HOSTNAME, directory, receiverPort, listeners });
    daemon = await startDaemon(directory, settings);
    await waitUntilReady(daemon, directory, probePort!);
    log.startHere();
  } catch (error) {
    const excerpt = log.excerpt();
    await stop();
    throw new Error(`Sendmail did not start: ${(error as Error).message}\n${excerpt}`, {
      cause: error,
    });
  }
  const queue = () => readQueue(join(directory, 'queue'));
  return {
    ports,
    directory,
    pid: daemon.pid,
    log: () => log.text(),
    waitForLog: (pattern, wait) => log.waitFor(pattern, wait),
    queue,
    waitForQueue: (matches) =>
      pollFor(async () => (await queue()).find(matches), {
        timeoutMs: QUEUE_TIMEOUT_MS,
        failure: () => `no such message in the queue\n${log.excerpt()}`,
      }),
    stop,
  };
}

/** Makes the queue's folder and the configuration. */
async function layOut(directory: string, options: Parameters<typeof sendmailMc>[0]): Promise<void> {
  await mkdir(join(directory, 'queue'), { mode: 0o700 });
  await writeFile(join(directory, 'service.switch'), 'hosts files\n');
  const mc = join(directory, 'sendmail.mc');
  await writeFile(mc, sendmailMc(options));
  const { stdout } = await run(SENDMAIL.m4, [`-D_CF_DIR_=${SENDMAIL.cf}/`, 'm4/cf.m4', mc], {
    cwd: SENDMAIL.cf,
    maxBuffer: 1e7,
  });
  await writeFile(join(directory, 'sendmail.cf'), stdout);
}

/** Runs it in the foreground as a child of ours, so that its end is an event. */
function startDaemon(directory: string, settings: SendmailSettings): Promise<RunningProcess> {
  const log = join(directory, 'mail.log');
  return startProcess({
    command: SENDMAIL.program,
    args: [
      `-C${join(directory, 'sendmail.cf')}`,
      ...['-X', log, '-D', log, MILTER_TRACE],
      ...Object.entries(settings).map(([name, value]) => `-O${name}=${value}`),
      '-bD',
    ],
    cwd: directory,
    // It asks for the machine's own name, which no name server may know.
    env: { RES_OPTIONS: 'timeout:1 attempts:1' },
  });
}

/** Waits until it listens, and for the end of a session on the listener without a filter. */
async function waitUntilReady(
  daemon: RunningProcess,
  directory: string,
  probePort: number,
): Promise<void> {
  const watching = new AbortController();
  const failure = daemon.exited.then(({ code, signal }) => {
    const how = signal ? `signal ${signal}` : `code ${code}`;
    throw new Error(`it ended with ${how}: ${daemon.stderr()}${daemon.lines.join('\n')}`);
  });
  const success = async () => {
    const pidFile = join(directory, 'sendmail.pid');
    const alarm = new NapAlarm(daemon.pid);
    await pollFor(() => existsSync(pidFile) || alarm.look(), {
      timeoutMs: START_TIMEOUT_MS,
      failure: () => `it does not listen: ${daemon.stderr()}${daemon.lines.join('\n')}`,
      signal: watching.signal,
    });
    const client = await SmtpClient.connect(probePort);
    await client.quit();
  };
  try {
    await Promise.race([failure, success()]);
  } finally {
    watching.abort();
  }
}
