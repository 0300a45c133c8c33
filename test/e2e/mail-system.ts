/** Postern, an MTA that asks it, and a next hop that keeps what arrives: a mail system for tests. */

import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type Milter, type Mta, type MtaName, type MtaSettings, startMta } from '../harness/mta.ts';
import { freePorts } from '../harness/ports.ts';
import { type RunningProcess, startProcess } from '../harness/processes.ts';
import { type Receiver, startReceiver } from '../harness/receiver.ts';
import { SmtpClient } from '../harness/smtp-client.ts';
import { type SendOptions, send, type Transcript } from '../harness/smtp-session.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../harness/temporary-directory.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const NODE = join(ROOT, 'node_modules', 'node', 'bin', 'node');
const POSTERN = join(ROOT, 'bin', 'postern.js');
/** Sendmail uses no socket to which a path leads that anybody may write to, such as /tmp. */
const SOCKETS = relative(tmpdir(), '/run/postern-e2e-');

/** A place where the MTA asks Postern, with filters of its own. */
export interface Place {
  /** Source texts by the name of the filter, in the order in which they run. */
  readonly filters: Readonly<Record<string, string>>;
  /** Listens on a Unix socket instead of TCP. */
  readonly unix?: boolean;
  /** How long the MTA waits for a reply. */
  readonly timeoutSeconds?: number;
}

export interface MailSystemOptions<Name extends string> {
  readonly mta: MtaName;
  readonly places: Readonly<Record<Name, Place>>;
  readonly workers?: number;
  /** `limits` of the configuration. */
  readonly limits?: Readonly<Record<string, unknown>>;
  /** Settings of the MTA. */
  readonly settings?: MtaSettings;
}

/** A line of Postern's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

export class MailSystem<Name extends string> {
  readonly receiver: Receiver;
  readonly mta: Mta;
  postern: RunningProcess;
  readonly #folder: TemporaryDirectory;
  readonly #sockets: TemporaryDirectory;
  readonly #ports: ReadonlyMap<string, number>;

  private constructor(parts: {
    receiver: Receiver;
    mta: Mta;
    postern: RunningProcess;
    folder: TemporaryDirectory;
    sockets: TemporaryDirectory;
    ports: ReadonlyMap<string, number>;
  }) {
    this.receiver = parts.receiver;
    this.mta = parts.mta;
    this.postern = parts.postern;
    this.#folder = parts.folder;
    this.#sockets = parts.sockets;
    this.#ports = parts.ports;
  }

  static async start<Name extends string>(
    options: MailSystemOptions<Name>,
  ): Promise<MailSystem<Name>> {
    const stops: (() => Promise<unknown>)[] = [];
    try {
      const folder = await temporaryDirectory('postern-e2e-');
      stops.unshift(() => folder.remove());
      const sockets = await temporaryDirectory(SOCKETS);
      stops.unshift(() => sockets.remove());
      const milters = await writeConfig(folder.path, sockets.path, options);
      const postern = await startPostern(folder.path);
      stops.unshift(() => postern.stop());
      const receiver = await startReceiver();
      stops.unshift(() => receiver.close());
      const { settings } = options;
      const mta = await startMta(options.mta, { milters, receiverPort: receiver.port, settings });
      stops.unshift(() => mta.stop());
      const ports = new Map(
        Object.keys(options.places).map((name, index) => [name, mta.ports[index]!]),
      );
      return new MailSystem<Name>({ receiver, mta, postern, folder, sockets, ports });
    } catch (error) {
      for (const stop of stops) await stop();
      throw error;
    }
  }

  port(place: Name): number {
    return this.#ports.get(place)!;
  }

  connect(place: Name): Promise<SmtpClient> {
    return SmtpClient.connect(this.port(place));
  }

  /** Sends one message through a place; what is not said is usual. */
  send(place: Name, options: Partial<Omit<SendOptions, 'port'>> = {}): Promise<Transcript> {
    return send({
      port: this.port(place),
      from: 'sender@example.org',
      to: 'recipient@example.com',
      message: MESSAGE,
      ...options,
    });
  }

  /** What Postern logged, as far as it is JSON. */
  get log(): readonly LogLine[] {
    return this.postern.lines.flatMap((line) => parseLine(line) ?? []);
  }

  /** A line of Postern's log that fits, also one that was there before. */
  async waitForLog(fits: (line: LogLine) => boolean): Promise<LogLine> {
    const found = await this.postern.waitForLine((line) => {
      const parsed = parseLine(line);
      return parsed !== undefined && fits(parsed);
    });
    return parseLine(found)!;
  }

  /** Stops Postern and starts it anew with the same configuration. */
  async restartPostern(): Promise<void> {
    await this.postern.stop();
    this.postern = await startPostern(this.#folder.path);
  }

  /** Ends everything, whatever state it is in. */
  async stop(): Promise<void> {
    await this.mta.stop();
    await this.postern.stop();
    await this.receiver.close();
    await this.#folder.remove();
    await this.#sockets.remove();
  }
}

export const MESSAGE = [
  'From: Sender <sender@example.org>',
  'To: recipient@example.com',
  'Subject: A message',
  '',
  'Hello.',
  '',
].join('\r\n');

function startPostern(folder: string): Promise<RunningProcess> {
  return startProcess({
    command: NODE,
    args: [POSTERN, 'serve', '-c', join(folder, 'postern.config.ts')],
    cwd: folder,
    ready: (line) => parseLine(line)?.msg === 'ready',
    readyTimeoutMs: 30_000,
  });
}

/** Writes filters and configuration; gives the filter of each place, for the MTA. */
async function writeConfig<Name extends string>(
  folder: string,
  sockets: string,
  { places, workers = 1, limits = {} }: MailSystemOptions<Name>,
): Promise<Milter[]> {
  await mkdir(join(folder, 'filters'));
  const entries = Object.entries<Place>(places);
  const ports = await freePorts(entries.length);
  const filters: object[] = [];
  const listeners: object[] = [];
  const milters: Milter[] = [];
  for (const [index, [place, { filters: sources, unix, timeoutSeconds }]] of entries.entries()) {
    const names: string[] = [];
    for (const [filter, source] of Object.entries(sources)) {
      const name = `${place}-${filter}`;
      await writeFile(join(folder, 'filters', `${name}.ts`), source);
      filters.push({ path: `filters/${name}.ts`, name });
      names.push(name);
    }
    const at = unix ? { path: join(sockets, `${place}.sock`) } : { port: ports[index]! };
    const listen = 'path' in at ? `unix:${at.path}` : `inet:127.0.0.1:${at.port}`;
    milters.push({ at, timeoutSeconds });
    listeners.push({ listen, filters: names, ...(unix ? { mode: '0666' } : {}) });
  }
  const config = {
    milter: { listen: listeners },
    filters,
    kv: { default: 'lmdb:./data' },
    workers,
    limits,
  };
  await writeFile(
    join(folder, 'postern.config.ts'),
    `import { defineConfig } from 'postern';\nexport default defineConfig(${JSON.stringify(config, undefined, 2)});\n`,
  );
  return milters;
}

function parseLine(line: string): LogLine | undefined {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return undefined;
  }
}
