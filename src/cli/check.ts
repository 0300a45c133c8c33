/** `postern check`: says whether the configuration and its filters are right, without serving. */

import { Command } from 'commander';
import { compileFilter } from '../compile/compile.ts';
import { exportsOf, problemAt } from '../compile/exports.ts';
import { CompileError, formatProblem, type Problem } from '../compile/problem.ts';
import { typeCheck } from '../compile/type-check.ts';
import type { Config } from '../config/config.ts';
import { suggestion } from '../config/nearest.ts';
import { FilterLoadError } from '../engine/filter-set.ts';
import { UnknownFilterError } from '../milter/server.ts';
import { isPhase, PHASES } from '../policy/phases.ts';
import { checkStores } from '../server/check-stores.ts';
import { compileAll } from '../server/compile-all.ts';
import { EXIT } from '../server/exit-codes.ts';
import { openEngine } from '../server/open-engine.ts';
import { configOf, type ServerFlags, withServerFlags } from './server-flags.ts';
import { quietLog } from './try-log.ts';

export function checkCommand(): Command {
  return withServerFlags(
    new Command('check').description(
      'check configuration and filters: syntax, types, exports, options',
    ),
  ).action(check);
}

async function check(flags: ServerFlags): Promise<void> {
  const config = await configOf(flags);
  const mistakes = [...(await checkSources(config)), ...checkListeners(config)];
  // Types and names are no use in a filter that does not compile, nor its load.
  if (mistakes.length === 0) mistakes.push(...(await checkLoad(config)));
  for (const mistake of mistakes) process.stderr.write(`postern: ${mistake}\n`);
  if (mistakes.length > 0) process.exit(EXIT.input);
  const names = config.filters.map(({ name }) => name).join(', ');
  process.stdout.write(`The configuration is right, and so are its filters: ${names}.\n`);
}

async function checkSources({ filters }: Config): Promise<string[]> {
  const broken = await Promise.all(filters.map(({ path, name }) => compileProblems(path, name)));
  const compiling = filters
    .filter((_, index) => broken[index]!.length === 0)
    .map(({ path }) => path);
  const names = await Promise.all(compiling.map(unknownExports));
  const types = compiling.length > 0 ? await typeCheck(compiling) : [];
  return [...broken.flat(), ...names.flat(), ...types].map(formatProblem);
}

async function compileProblems(path: string, name: string): Promise<readonly Problem[]> {
  try {
    await compileFilter(path, name);
    return [];
  } catch (error) {
    if (error instanceof CompileError) return error.problems;
    throw error;
  }
}

async function unknownExports(path: string): Promise<Problem[]> {
  const exported = await exportsOf(path);
  return exported
    .filter(({ name }) => name !== 'options' && !isPhase(name))
    .map((place) => {
      const hint = suggestion(place.name, ['options', ...PHASES]);
      return problemAt(
        path,
        place,
        `export "${place.name}" is no phase and would never be called${hint}`,
      );
    });
}

function checkListeners({ milter, auth, filters }: Config): string[] {
  const names = filters.map(({ name }) => name);
  return [...milter.listeners, ...auth.policy].flatMap(({ listen, filters: wanted = [] }) =>
    wanted
      .filter((name) => !names.includes(name))
      .map((name) => new UnknownFilterError(listen, name, names).message),
  );
}

/** Evaluates the filters as `serve` would, but with a store that is gone afterwards, so that `init` harms nothing. */
async function checkLoad(config: Config): Promise<string[]> {
  const { guest, filters } = await compileAll(config.filters);
  const { mistakes, warnings } = checkStores(config.kv, filters);
  for (const warning of warnings) process.stderr.write(`postern: warning: ${warning}\n`);
  if (mistakes.length > 0) return [...mistakes];
  try {
    const inMemory = ([name]: [string, string]) => [name, 'memory:'] as const;
    const stores = Object.fromEntries(Object.entries(config.kv.stores).map(inMemory));
    const trial = { ...config, kv: { ...config.kv, default: 'memory:', stores } };
    const { close } = await openEngine({
      config: trial,
      guest,
      filters,
      log: quietLog(),
      worker: 'check',
    });
    await close();
    return [];
  } catch (error) {
    if (error instanceof FilterLoadError) return error.message.split('\n');
    throw error;
  }
}
