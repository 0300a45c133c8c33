/** Compiles everything that runs in isolates, once for all workers. */

import { compileFilter } from '../compile/compile.ts';
import { compileGuest } from '../compile/guest.ts';
import type { FilterConfig } from '../config/config.ts';
import type { CompiledScript } from './messages.ts';

export interface CompiledScripts {
  /** The guest library. */
  readonly guest: string;
  /** In the order of the configuration. */
  readonly filters: readonly CompiledScript[];
}

/** Rejects with CompileError for the first filter that does not compile. */
export async function compileAll(filters: readonly FilterConfig[]): Promise<CompiledScripts> {
  const [guest, ...scripts] = await Promise.all([
    compileGuest(),
    ...filters.map(({ path, name }) => compileFilter(path, name)),
  ]);
  return {
    guest,
    filters: scripts.map(({ name, path, code, map }) => ({ name, path, code, map })),
  };
}
