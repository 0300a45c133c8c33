/** `postern serve` with two workers and filters that ask a store at every step, for tests of its outage. */

import { MilterClient } from '../../src/testing/milter-client.ts';
import { folderWith, type LogLine, parseLine, serve } from '../cli/postern.ts';
import { freePorts } from '../harness/ports.ts';
import { groupMembers } from '../harness/process-group.ts';
import type { RunningProcess } from '../harness/processes.ts';
import type { TemporaryDirectory } from '../harness/temporary-directory.ts';
import { pollFor } from '../harness/waiting.ts';
import { processTitle } from '../postfix/process-facts.ts';

export const WORKERS = 2;

/** Not to fail of a busy machine: what is measured here is the store, not the filter's own time. */
const PATIENT = `cpu: '1s'`;

/** Filters, each behind a listener of its own. */
const FILTERS = {
  /** Asks at MAIL (and catches), at RCPT and at the end; tells at RCPT `ask-...` what came of MAIL. */
  strict: `import { kv, log, reject } from 'postern';
    export const options = { ${PATIENT} };
    export function connect(session) { log.info('connected', { name: session.client.hostname }); }
    export async function mail(session) {
      try {
        session.state.incr = 'done ' + await kv.incr('mails', 1, { ttl: '1h' });
      } catch (error) {
        const mayHaveHappened = /may have happened/.test(error.message);
        session.state.incr = error.code + (mayHaveHappened ? ' lost' : '');
      }
    }
    export async function rcpt(session, { address }) {
      if (address.startsWith('ask')) return reject(550, '5.1.1', address + ' ' + session.state.incr);
      if (address.startsWith('lease')) await kv.lease('place', { limit: 1000, ttl: '1m' });
    }
    export async function eom(session, message) {
      await kv.set('last', message.sender.address, { ttl: '1h' });
      message.headers.add('X-Sender', message.sender.address);
    }`,
  /** Asks at connect. */
  gate: `import { kv } from 'postern';
    export const options = { ${PATIENT} };
    export async function connect() { await kv.rate('connections', { limit: 1e6, per: '1m' }); }`,
  /** As gate, and says what is to become of mail when that fails. */
  lenient: `import { kv } from 'postern';
    export const options = { onError: 'accept', ${PATIENT} };
    export async function connect() { await kv.rate('connections', { limit: 1e6, per: '1m' }); }`,
  /** One place for all sessions. */
  single: `import { kv, reject } from 'postern';
    export const options = { ${PATIENT} };
    export async function rcpt() {
      const { acquired } = await kv.lease('one', { limit: 1, ttl: '25s' });
      if (!acquired) return reject(550, '5.7.1', 'taken');
    }`,
} as const;

export type PlaceName = keyof typeof FILTERS;

export interface SiteOptions {
  /** `kv` of the configuration. */
  readonly kv: object;
  /** `limits.kv` of the configuration. */
  readonly budget?: string;
  /** More filters, by the names of their places. */
  readonly filters?: Readonly<Record<string, string>>;
}

export class StoreSite {
  readonly folder: TemporaryDirectory;
  readonly #server: RunningProcess;
  readonly #ports: ReadonlyMap<string, number>;

  private constructor(
    folder: TemporaryDirectory,
    server: RunningProcess,
    ports: ReadonlyMap<string, number>,
  ) {
    this.folder = folder;
    this.#server = server;
    this.#ports = ports;
  }

  /** Resolves when every socket accepts. */
  static async start({ kv, budget, filters = {} }: SiteOptions): Promise<StoreSite> {
    const sources = Object.entries({ ...FILTERS, ...filters });
    const free = await freePorts(sources.length);
    const ports = new Map(sources.map(([name], index) => [name, free[index]!]));
    const config = {
      milter: {
        listen: sources.map(([name]) => ({
          listen: `inet:127.0.0.1:${ports.get(name)}`,
          filters: [name],
        })),
      },
      filters: sources.map(([name]) => ({ path: `${name}.ts`, name })),
      kv,
      workers: WORKERS,
      ...(budget !== undefined && { limits: { kv: budget } }),
    };
    const folder = await folderWith({
      ...Object.fromEntries(sources.map(([name, source]) => [`${name}.ts`, source])),
      'postern.config.ts': `export default ${JSON.stringify(config)};`,
    });
    try {
      return new StoreSite(folder, await serve(folder.path), ports);
    } catch (error) {
      await folder.remove();
      throw error;
    }
  }

  port(place: string): number {
    return this.#ports.get(place)!;
  }

  /** A connection that has been negotiated. */
  async connect(place: string): Promise<MilterClient> {
    const client = await MilterClient.connect(`inet:127.0.0.1:${this.port(place)}`);
    await client.negotiate();
    return client;
  }

  /** What was logged, as far as it is JSON. */
  get log(): readonly LogLine[] {
    return this.#server.lines.flatMap((line) => parseLine(line) ?? []);
  }

  /** The worker that has the connection whose client has this name, at the place `strict`. */
  async workerOf(name: string): Promise<string> {
    const quoted = JSON.stringify(name);
    const line = await this.#server.waitForLine(
      (text) => text.includes(quoted) && parseLine(text)?.msg === 'connected',
    );
    return String(parseLine(line)!.process);
  }

  /** The lines about a store that have been logged, as `worker 1 down`. */
  storeLines(title: string): readonly StoreLine[] {
    return this.log.flatMap(({ process, msg, level, ...fields }): StoreLine[] => {
      const said = (what: string) => msg.startsWith(`the store ${title} ${what}`);
      const worker = String(process);
      if (level === 'error' && said('does not answer: ')) return [{ worker, says: 'down', fields }];
      if (level === 'info' && said('answers again, after '))
        return [{ worker, says: 'up', fields }];
      return [];
    });
  }

  /** Waits until each worker has said so of a store. */
  async said(title: string, says: StoreLine['says']): Promise<void> {
    await pollFor(
      () => {
        const lines = this.storeLines(title).filter((line) => line.says === says);
        return new Set(lines.map(({ worker }) => worker)).size === WORKERS || undefined;
      },
      {
        timeoutMs: 10_000,
        failure: () =>
          `not each worker said '${says}' of ${title}: ${JSON.stringify(this.storeLines(title))}`,
      },
    );
  }

  /** The ids of the workers. */
  get workers(): readonly number[] {
    return groupMembers(this.#server.pid).filter((pid) =>
      processTitle(pid).startsWith('postern worker'),
    );
  }

  async stop(): Promise<void> {
    await this.#server.stop();
    await this.folder.remove();
  }
}

/** That a store fails, or that it answers again, as a worker logged it. */
export interface StoreLine {
  readonly worker: string;
  readonly says: 'down' | 'up';
  readonly fields: Readonly<Record<string, unknown>>;
}

/** One line that the store fails, one that it answers again, from each worker. */
export const ONE_LINE_EACH = ['worker 1 down', 'worker 1 up', 'worker 2 down', 'worker 2 up'];

/** Lines as texts, sorted. */
export function shownLines(lines: readonly StoreLine[]): readonly string[] {
  return lines.map(({ worker, says }) => `${worker} ${says}`).sort();
}
