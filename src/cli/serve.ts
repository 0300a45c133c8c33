/** `postern serve`: runs the server in the foreground. */

import { Command } from 'commander';
import { FilterLoadError } from '../engine/filter-set.ts';
import { shownUrl } from '../kv/stores.ts';
import { checkStores } from '../server/check-stores.ts';
import { compileAll } from '../server/compile-all.ts';
import { openLog } from '../server/log.ts';
import { supervise } from '../server/supervisor.ts';
import { postfixLines } from './postfix-lines.ts';
import { configOf, type ServerFlags, withServerFlags } from './server-flags.ts';

export function serveCommand(): Command {
  return withServerFlags(
    new Command('serve').description('run the server in the foreground'),
  ).action(serve);
}

async function serve(flags: ServerFlags): Promise<void> {
  const config = await configOf(flags);
  const scripts = await compileAll(config.filters);
  const log = openLog('supervisor');
  const { mistakes, warnings } = checkStores(config.kv, scripts.filters);
  if (mistakes.length > 0) throw new FilterLoadError(mistakes);
  for (const warning of warnings) log.warn({}, warning);
  const code = await supervise({
    config,
    ...scripts,
    log,
    ready: ({ listen, policy }) => {
      log.info(
        {
          listen,
          ...(policy.length > 0 && { policy }),
          filters: config.filters.map(({ name }) => name),
          workers: config.workers,
          kv: shownUrl(config.kv.default, config.folder),
        },
        'ready',
      );
      process.stderr.write(postfixLines(listen));
    },
  });
  process.exit(code);
}
