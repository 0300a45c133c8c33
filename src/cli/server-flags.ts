/** The flags that replace keys of the configuration, for the commands that read one. */

import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { parseListen } from '../milter/address.ts';

export interface ServerFlags {
  readonly config?: string;
  readonly listen?: readonly string[];
  readonly filter?: readonly string[];
  readonly kv?: string;
  readonly workers?: string;
}

const collect = (value: string, before: readonly string[] = []) => [...before, value];

export function withServerFlags(command: Command): Command {
  return command
    .option(
      '-c, --config <file>',
      'the configuration (default: ./postern.config.ts if it is there)',
    )
    .option(
      '--listen <spec>',
      'where MTAs connect, such as inet:127.0.0.1:9900 or unix:/run/postern.sock; repeatable',
      collect,
    )
    .option('--filter <file>', 'a filter; repeatable, run in this order', collect)
    .option('--kv <url>', 'the default store, such as lmdb:./data or memory:')
    .option('--workers <n>', 'worker processes, a number or "auto"');
}

/** The configuration that these flags mean; throws ConfigError. */
export function configOf({ config: file, ...flags }: ServerFlags): Promise<Config> {
  return loadConfig({
    cwd: process.cwd(),
    flags,
    checkListen: listenMistake,
    ...(file === undefined ? {} : { file }),
  });
}

function listenMistake(spec: string): string | undefined {
  try {
    parseListen(spec);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
