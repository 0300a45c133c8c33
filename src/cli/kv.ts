/** `postern kv`: reads and mends the stores, whether the server runs or not. */

import { Command } from 'commander';
import { loadStores } from '../config/load.ts';
import { durationMs } from '../config/units.ts';
import { KvError } from '../kv/errors.ts';
import { printable } from '../kv/key.ts';
import type { Store } from '../kv/store.ts';
import { encodeValue } from '../kv/value.ts';
import { EXIT } from '../server/exit-codes.ts';
import { whenNobodyReads } from './exit.ts';
import { type Answer, type Answers, formatAnswers, formatEntry, isFailure } from './kv-format.ts';
import { openNamed } from './kv-stores.ts';
import { readValue } from './kv-value.ts';

interface KvFlags {
  readonly config?: string;
  readonly kv?: string;
  readonly store?: string;
  readonly json?: boolean;
}

/** Entries of a store that are asked for at once. */
const PAGE = 500;

export function kvCommand(): Command {
  const kv = new Command('kv').description('read and mend what filters keep in the stores');
  kv.hook('preAction', () => whenNobodyReads(process.stdout, () => {}));
  kv.addCommand(
    withStoreFlags(new Command('get').description('show what a key holds; exit code 1 if nothing'))
      .argument('<key>', 'with its namespace, which is mostly the name of the filter: greylist/...')
      .action((key: string, flags: KvFlags) => get(key, flags)),
  );
  kv.addCommand(
    withStoreFlags(new Command('set').description('set a value'))
      .argument('<key>')
      .argument('<value>', 'JSON, or a text')
      .option('--ttl <duration>', 'how long it lives, such as 90s, 5m, 1d (default: for ever)')
      .action((key: string, value: string, flags: KvFlags & { ttl?: string }) =>
        set(key, value, flags),
      ),
  );
  kv.addCommand(
    withStoreFlags(new Command('delete').description('delete keys, whatever they hold'))
      .argument('<key...>')
      .action((keys: string[], flags: KvFlags) => remove(keys, flags)),
  );
  kv.addCommand(
    withStoreFlags(new Command('scan').description('list what there is'))
      .argument('[prefix]', 'only keys that begin with it', '')
      .option('--limit <n>', 'so many entries at most of each store')
      .action((prefix: string, flags: KvFlags & { limit?: string }) => scan(prefix, flags)),
  );
  return kv;
}

function withStoreFlags(command: Command): Command {
  return command
    .option(
      '-c, --config <file>',
      'the configuration that names the stores (default: ./postern.config.ts if it is there)',
    )
    .option('--kv <url>', 'the default store, such as redis://127.0.0.1:6379/0')
    .option('--store <name>', 'a store or a group of stores of the configuration', 'default')
    .option('--json', 'the same as JSON');
}

async function get(key: string, flags: KvFlags): Promise<void> {
  const answers = await onStores(flags, async (store) => (await store.look(key)) ?? null);
  print(formatAnswers(answers, flags.json === true));
  const isThere = [...answers.values()].some((answer) => !isFailure(answer) && answer !== null);
  end(answers, isThere);
}

async function set(key: string, text: string, flags: KvFlags & { ttl?: string }): Promise<void> {
  const value = encodeValue(readValue(text));
  const ttlMs = flags.ttl === undefined ? undefined : durationMs(flags.ttl);
  const answers = await onStores(flags, async (store) => {
    await store.set(key, value, ttlMs);
    return (await store.look(key)) ?? null;
  });
  print(formatAnswers(answers, flags.json === true));
  end(answers, true);
}

async function remove(keys: readonly string[], flags: KvFlags): Promise<void> {
  const answers = await onStores(flags, async (store) => {
    const were = await Promise.all(keys.map((key) => store.delete(key)));
    return { deleted: keys.filter((_, index) => were[index]) };
  });
  print(formatAnswers(answers, flags.json === true));
  const isSome = [...answers.values()].some(
    (answer) => answer !== null && 'deleted' in answer && answer.deleted.length > 0,
  );
  end(answers, isSome);
}

/** Prints while it goes: a store may be larger than memory. With --json one line for each entry. */
async function scan(prefix: string, flags: KvFlags & { limit?: string }): Promise<void> {
  const most = flags.limit === undefined ? Number.POSITIVE_INFINITY : Number(flags.limit);
  if (flags.limit !== undefined && !(Number.isSafeInteger(most) && most >= 1)) {
    const message = `--limit: expected a whole number, at least 1, got ${flags.limit}`;
    throw new KvError('ERR_KV_ARGUMENT', message);
  }
  let isRead = true;
  whenNobodyReads(process.stdout, () => {
    isRead = false;
  });
  const answers = await onStores(flags, async (store, name, isOneOfSeveral) => {
    let cursor: string | undefined;
    let shown = 0;
    do {
      const limit = Math.min(PAGE, most - shown);
      const page = await store.scan(prefix, { limit, ...(cursor !== undefined && { cursor }) });
      const entries = page.entries.slice(0, most - shown);
      const where = isOneOfSeveral ? name : undefined;
      print(entries.map((entry) => formatEntry(entry, where, flags.json === true)).join(''));
      shown += entries.length;
      cursor = page.next;
    } while (cursor !== undefined && shown < most && isRead);
    return null;
  });
  for (const [name, answer] of answers)
    if (isFailure(answer))
      process.stderr.write(`postern: ${name}: ${printable(answer.error.message)}\n`);
  end(answers, true);
}

/** Asks the store, or each store of the group, one after the other. */
async function onStores(
  flags: KvFlags,
  ask: (store: Store, name: string, isOneOfSeveral: boolean) => Promise<Answer>,
): Promise<Answers> {
  const { kv, folder } = await loadStores({
    cwd: process.cwd(),
    flags: flags.kv === undefined ? {} : { kv: flags.kv },
    ...(flags.config !== undefined && { file: flags.config }),
  });
  const { store: wanted = 'default' } = flags;
  const names = Object.hasOwn(kv.groups, wanted) ? kv.groups[wanted]! : [wanted];
  const answers = new Map<string, Answer>();
  for (const name of names) {
    try {
      const store = await openNamed(kv, name, folder);
      const answer = ask(store, name, names.length > 1).finally(() => store.close());
      answers.set(name, await answer);
    } catch (error) {
      // Of several stores one may fail; where there is one, it is the command that failed.
      if (!(error instanceof KvError) || names.length === 1) throw error;
      answers.set(name, { error: { code: error.code, message: error.message } });
    }
  }
  return answers;
}

function print(text: string): void {
  process.stdout.write(text);
}

/** 0 when it went well on all stores and something was there. */
function end(answers: Answers, isThere: boolean): void {
  const isWell = isThere && ![...answers.values()].some(isFailure);
  process.exitCode = isWell ? EXIT.ok : EXIT.failed;
}
