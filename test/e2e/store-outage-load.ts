/** Scripted MTAs side by side: each sends message after message and writes down every answer. */

import type { Reply } from 'net-milter-codec';
import type { MilterClient } from '../../src/testing/milter-client.ts';
import { pollFor, within } from '../harness/waiting.ts';
import { type StoreSite, WORKERS } from './store-outage-site.ts';

/** What was answered: what the milter said, or at `ask` what the filter tells of its `incr`. */
export interface Answer {
  readonly client: string;
  readonly command: 'mail' | 'ask' | 'lease' | 'plain' | 'eom' | 'gate' | 'lenient';
  readonly said: string;
  readonly beganMs: number;
  readonly endedMs: number;
}

/** What each command is answered while the store is well; `ask` ends with a number. */
const WELL: Readonly<Record<Answer['command'], RegExp>> = {
  mail: /^continue$/,
  ask: /^done \d+$/,
  lease: /^continue$/,
  plain: /^continue$/,
  eom: /^continue$/,
  gate: /^continue$/,
  lenient: /^continue$/,
};

/** And while it does not answer: the filter catches at MAIL, `onError` decides elsewhere. */
const ILL: typeof WELL = {
  ...WELL,
  ask: /^ERR_KV_(TIMEOUT|UNAVAILABLE)( lost)?$/,
  lease: /^tempfail$/,
  eom: /^tempfail$/,
  gate: /^tempfail$/,
  lenient: /^accept$/,
};

/** An MTA waits for 30 s; an answer that is not there by then is none. */
const LOST_MS = 15_000;

/** What an MTA does between two messages. Without it, refusals would be a busy loop. */
const PAUSE_MS = 25;

export class Load {
  readonly answers: Answer[] = [];
  readonly #site: StoreSite;
  readonly #clients: MilterClient[] = [];
  /** Of all MTAs, as in their answers. */
  readonly #names: string[] = [];
  readonly #loops: Promise<void>[] = [];
  readonly #ending = new AbortController();
  #failure: Error | undefined;

  private constructor(site: StoreSite) {
    this.#site = site;
  }

  /**
   * Connections that stay, `perWorker` to each worker or more, and two MTAs that connect anew
   * for each message. Resolves when all of them run.
   */
  static async start(site: StoreSite, perWorker = 3): Promise<Load> {
    const load = new Load(site);
    try {
      await load.#connect(perWorker);
      return load;
    } catch (error) {
      await load.stop().catch(() => undefined);
      throw error;
    }
  }

  async #connect(perWorker: number): Promise<void> {
    const byWorker = new Map<string, number>();
    // The kernel decides which worker gets a connection.
    for (
      let n = 1;
      [...byWorker.values()].filter((many) => many >= perWorker).length < WORKERS;
      n++
    ) {
      if (n > 100)
        throw new Error(`a worker gets no connections: ${JSON.stringify([...byWorker])}`);
      const name = `mta${n}.example.org`;
      const client = await this.#site.connect('strict');
      this.#clients.push(client);
      await client.connectInfo({ hostname: name });
      const worker = await this.#site.workerOf(name);
      byWorker.set(worker, (byWorker.get(worker) ?? 0) + 1);
      if (byWorker.get(worker)! > 2 * perWorker) await client.quit();
      else this.#run(name, () => this.#message(client, name));
    }
    for (const place of ['gate', 'lenient'] as const) this.#run(place, () => this.#visit(place));
  }

  /** Waits until every MTA has had all its answers as they are to be, and then so many more. */
  async settled(kind: 'well' | 'ill', more = 12): Promise<void> {
    const sinceMs = performance.now();
    const rules = kind === 'well' ? WELL : ILL;
    const streaks = () => {
      const streak = new Map<string, number>();
      for (const { client, command, said, beganMs } of this.answers) {
        if (beganMs < sinceMs) continue;
        streak.set(client, rules[command].test(said) ? (streak.get(client) ?? 0) + 1 : 0);
      }
      return streak;
    };
    await pollFor(
      () => {
        if (this.#failure) throw this.#failure;
        const streak = streaks();
        return this.#names.every((client) => (streak.get(client) ?? 0) >= more) || undefined;
      },
      {
        timeoutMs: 15_000,
        failure: () => `not all answers are ${kind}: ${JSON.stringify(this.answers.slice(-20))}`,
      },
    );
  }

  /** Answers to what was asked after one moment and answered before another. */
  between(fromMs: number, toMs: number): readonly Answer[] {
    return this.answers.filter(({ beganMs, endedMs }) => beganMs > fromMs && endedMs < toMs);
  }

  get slowestMs(): number {
    return Math.max(...this.answers.map(({ beganMs, endedMs }) => endedMs - beganMs));
  }

  /** When the last answer came that was not as if the store were well. */
  get lastIllMs(): number {
    return Math.max(0, ...unlike('well', this.answers).map(({ endedMs }) => endedMs));
  }

  /** The sums that MAIL's `incr` gave. */
  get counted(): readonly number[] {
    return this.answers
      .filter(({ said }) => said.startsWith('done '))
      .map(({ said }) => Number(said.slice('done '.length)));
  }

  /** How many calls of `incr` ended without anybody knowing what became of them. */
  get doubtful(): number {
    return this.answers.filter(({ said }) => /^ERR_KV_TIMEOUT| lost$/.test(said)).length;
  }

  /** Ends after the messages that are under way; rejects with what went wrong meanwhile. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#loops);
    try {
      if (this.#failure) throw this.#failure;
      // An answer too many would be there by now.
      await Promise.all(this.#clients.map((client) => client.expectNoReply()));
    } finally {
      for (const client of this.#clients) client.destroy();
    }
  }

  #run(name: string, task: () => Promise<void>): void {
    this.#names.push(name);
    const loop = async () => {
      while (!this.#ending.signal.aborted && !this.#failure) {
        await task();
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    };
    this.#loops.push(
      loop().catch((error: Error) => {
        this.#failure ??= error;
      }),
    );
  }

  #messages = 0;

  /** A message on a connection that stays. Two answers say to what they are the answer. */
  async #message(client: MilterClient, name: string): Promise<void> {
    const id = `${++this.#messages}@${name}`;
    const ask = async (command: Answer['command'], what: () => Promise<Reply | undefined>) => {
      await this.#answer(name, command, async () => shown(await what()));
    };
    const mailMs = performance.now();
    await ask('mail', () => client.mail(id));
    const incr = async () => {
      const reply = await client.rcpt(`ask-${id}`);
      const text = reply?.kind === 'replycode' ? reply.text : shown(reply);
      const expected = `550 5.1.1 ask-${id} `;
      if (!text.startsWith(expected)) throw new Error(`expected ${expected}, got ${text}`);
      return text.slice(expected.length);
    };
    // It tells of what was asked at MAIL.
    await this.#answer(name, 'ask', incr, mailMs);
    await ask('lease', () => client.rcpt(`lease-${id}`));
    await ask('plain', () => client.rcpt(`plain-${id}`));
    await this.#answer(name, 'eom', async () => {
      const { final, modifications } = await client.eom();
      const expected = final.kind === 'continue' ? [` ${id}`] : [];
      const added = modifications.map((each) => ('value' in each ? each.value : each.kind));
      if (JSON.stringify(added) !== JSON.stringify(expected))
        throw new Error(`expected ${expected} at the end of ${id}, got ${added}`);
      return shown(final);
    });
  }

  /** Connects, and hears whether it may stay. */
  async #visit(place: 'gate' | 'lenient'): Promise<void> {
    const client = await this.#site.connect(place);
    try {
      await this.#answer(place, place, async () => shown(await client.connectInfo()));
      await within(LOST_MS, client.quit(), () => `${place}: QUIT does not end the connection`);
    } finally {
      client.destroy();
    }
  }

  async #answer(
    client: string,
    command: Answer['command'],
    ask: () => Promise<string>,
    beganMs = performance.now(),
  ): Promise<void> {
    const said = await within(LOST_MS, ask(), () => `${client}: no answer to ${command}`);
    this.answers.push({ client, command, said, beganMs, endedMs: performance.now() });
  }
}

/** Those that are not as they are while the store is well, or ill. */
export function unlike(kind: 'well' | 'ill', answers: readonly Answer[]): readonly Answer[] {
  const rules = kind === 'well' ? WELL : ILL;
  return answers.filter(({ command, said }) => !rules[command].test(said));
}

/** Which commands are among them. */
export function commandsOf(answers: readonly Answer[]): readonly string[] {
  return [...new Set(answers.map(({ command }) => command))].sort();
}

export const ALL_COMMANDS = Object.keys(WELL).sort();

function shown(reply: Reply | undefined): string {
  return reply?.kind ?? 'not asked';
}
