/** The command line. Each command has a file of its own. */

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { EXIT } from '../server/exit-codes.ts';
import { checkCommand } from './check.ts';
import { printMistake } from './exit.ts';
import { kvCommand } from './kv.ts';
import { serveCommand } from './serve.ts';
import { tryCommand } from './try.ts';

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** Runs a command; the process ends with its exit code: 0, 1 (it failed) or 2 (what it was given is wrong). */
export async function main(argv: readonly string[]): Promise<void> {
  process.setSourceMapsEnabled(true);
  const program = new Command('postern')
    .description('A programmable mail filter server.')
    .version(version())
    .exitOverride()
    .showHelpAfterError('(try postern --help)');
  for (const command of [serveCommand(), checkCommand(), tryCommand(), kvCommand()]) {
    program.addCommand(command.exitOverride().copyInheritedSettings(program));
    for (const inner of command.commands) inner.exitOverride().copyInheritedSettings(program);
  }
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? EXIT.ok : EXIT.input);
    process.exit(printMistake(error));
  }
}
