/** An example filter behind a real milter server and engine with runner processes, for an MTA in a script. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_LIMITS } from '../../src/config/limits.ts';
import { MilterServer } from '../../src/milter/server.ts';
import { MilterClient } from '../../src/testing/milter-client.ts';
import { EngineUnderTest, type FilterSource } from '../engine/engine-under-test.ts';

const EXAMPLES = join(__dirname, '..', '..', 'filters', 'examples');

/** A line of a filter's own `log`. */
export interface SaidLine {
  readonly filter: unknown;
  readonly text: string;
  readonly fields: unknown;
}

export class Example {
  readonly #under: EngineUnderTest;
  readonly #server: MilterServer;
  readonly #clients: MilterClient[] = [];
  #isClosed = false;

  private constructor(under: EngineUnderTest, server: MilterServer) {
    this.#under = under;
    this.#server = server;
  }

  /** Serves filters/examples/NAME.ts. */
  static serve(name: string, more: Omit<FilterSource, 'name' | 'source'> = {}): Promise<Example> {
    return Example.serveSources([{ ...exampleSource(name), ...more }]);
  }

  static async serveSources(sources: readonly FilterSource[]): Promise<Example> {
    const under = await EngineUnderTest.start(sources);
    try {
      const milter = { listeners: [{ listen: 'inet:127.0.0.1:0' }] };
      const server = await MilterServer.open({
        config: { milter, limits: DEFAULT_LIMITS },
        engine: under.engine,
        log: loggerOf(under),
      });
      return new Example(under, server);
    } catch (error) {
      await under.stop();
      throw error;
    }
  }

  /** An MTA that has negotiated. */
  async mta(): Promise<MilterClient> {
    const client = await MilterClient.connect(this.#server.addresses[0]!);
    this.#clients.push(client);
    await client.negotiate();
    return client;
  }

  /** What filters said themselves, in order. */
  get said(): readonly SaidLine[] {
    return this.#under.logged
      .filter(({ fields }) => 'filter' in fields && !('verdict' in fields) && !('why' in fields))
      .map(({ text, fields }) => ({ filter: fields.filter, text, fields: fields.fields }));
  }

  /** Failures of filters and of the server. */
  get complaints(): readonly string[] {
    return this.#under.logged
      .filter(({ level }) => level === 'warn' || level === 'error')
      .map(({ text }) => text);
  }

  /** Ends the server in an orderly way: filters' `exit` runs. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const client of this.#clients) client.destroy();
    await this.#server.close({ graceMs: 1000 });
    await this.#under.engine.close();
  }

  async stop(): Promise<void> {
    await this.close();
    await this.#under.stop();
  }
}

export function exampleSource(name: string): FilterSource {
  return { name, source: readFileSync(join(EXAMPLES, `${name}.ts`), 'utf8') };
}

/** The milter room logs into the same list as the engine. */
function loggerOf({ logged }: EngineUnderTest) {
  const at = (level: 'info' | 'warn' | 'error') => (fields: object, text: string) => {
    logged.push({ level, fields: fields as Record<string, unknown>, text });
  };
  return { info: at('info'), warn: at('warn'), error: at('error') };
}
