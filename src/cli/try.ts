/** `postern try`: runs filters on a message without an MTA and shows what each of them says. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { kvUses } from '../compile/kv-uses.ts';
import type { KvConfig } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { EndedEvent } from '../engine/engine.ts';
import { MilterServer } from '../milter/server.ts';
import { compileAll } from '../server/compile-all.ts';
import { EXIT } from '../server/exit-codes.ts';
import type { CompiledScript } from '../server/messages.ts';
import { openEngine } from '../server/open-engine.ts';
import { readMessage } from './message-file.ts';
import { formatTrial } from './try-format.ts';
import { quietLog } from './try-log.ts';
import { playMessage, type Script } from './try-script.ts';

interface TryFlags {
  readonly message?: string;
  readonly from: string;
  readonly rcpt?: readonly string[];
  readonly client: string;
  readonly helo: string;
  readonly macro?: Readonly<Record<string, string>>;
  readonly json?: boolean;
}

const collect = (value: string, before: readonly string[] = []) => [...before, value];

function collectMacro(
  value: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const at = value.indexOf('=');
  return at < 0
    ? { ...before, [value]: '' }
    : { ...before, [value.slice(0, at)]: value.slice(at + 1) };
}

export function tryCommand(): Command {
  return new Command('try')
    .description('run filters on a message without an MTA; exit code 1 if one fails')
    .argument('<filter...>', 'filters, run in this order')
    .option('--message <file>', 'the message (default: a small sample)')
    .option('--from <address>', 'envelope sender; "" is the null sender', 'sender@example.org')
    .option(
      '--rcpt <address>',
      'envelope recipient; repeatable (default: recipient@example.com)',
      collect,
    )
    .option('--client <ip>', 'address of the SMTP client', '192.0.2.7')
    .option('--helo <name>', 'what the client says in EHLO', 'mx.example.org')
    .option(
      '--macro <name=value>',
      'an MTA macro such as auth_authen=ann; repeatable',
      collectMacro,
    )
    .option('--json', 'the same as JSON')
    .action(tryFilters);
}

/** Every store that the filters name, in memory: a trial harms nothing. */
function storesInMemory(filters: readonly CompiledScript[]): KvConfig {
  const uses = filters.flatMap(({ code }) => kvUses(code)).filter(({ name }) => name !== 'default');
  const namesOf = (isGroup: boolean) => [
    ...new Set(uses.filter((use) => use.isGroup === isGroup).map(({ name }) => name)),
  ];
  const stores = namesOf(false);
  return {
    default: 'memory:',
    stores: Object.fromEntries(stores.map((name) => [name, 'memory:'])),
    groups: Object.fromEntries(namesOf(true).map((name) => [name, ['default', ...stores]])),
  };
}

async function tryFilters(filters: readonly string[], flags: TryFlags): Promise<void> {
  const message = readMessage(flags.message);
  const folder = mkdtempSync(join(tmpdir(), 'postern-try-'));
  try {
    const listen = [`unix:${join(folder, 'milter.sock')}`];
    const config = await loadConfig({
      cwd: process.cwd(),
      flags: { filter: filters, kv: 'memory:', listen, workers: 1 },
    });
    const events: EndedEvent[] = [];
    const log = quietLog();
    const { guest, filters: scripts } = await compileAll(config.filters);
    const { engine, close } = await openEngine({
      config: { ...config, kv: storesInMemory(scripts) },
      guest,
      filters: scripts,
      log,
      worker: 'try',
      onEvent: (event) => events.push(event),
    });
    const server = await MilterServer.open({ config, engine, log });
    const script: Script = {
      from: flags.from,
      recipients: flags.rcpt ?? ['recipient@example.com'],
      client: flags.client,
      helo: flags.helo,
      macros: flags.macro ?? {},
      message,
    };
    const replies = await playMessage(server.addresses[0]!, script);
    await server.close({ graceMs: 1000 });
    await close();
    const trial = { events, replies, logged: log.lines };
    process.stdout.write(
      flags.json ? `${JSON.stringify(trial, undefined, 2)}\n` : formatTrial(trial),
    );
    const failed = events.some(({ steps }) => steps.some(({ failure }) => failure));
    process.exitCode = failed ? EXIT.failed : EXIT.ok;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
