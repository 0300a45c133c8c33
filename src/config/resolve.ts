/** From a configuration of the right shape to the one in force: paths, names, defaults. */

import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, extname, resolve } from 'node:path';
import type { Config, DnsConfig, FilterConfig, KvConfig, ListenerConfig } from './config.ts';
import { overridesOf } from './filter-overrides.ts';
import { limitsOf } from './limits.ts';
import type { Mistake } from './mistakes.ts';
import { suggestion } from './nearest.ts';
import { checkMemoryStores, hasMemoryStore, resolveKv } from './resolve-kv.ts';
import type { ParsedConfig } from './schema.ts';
import { durationMs } from './units.ts';

export const DEFAULT_LISTEN = 'inet:127.0.0.1:9900';

/** What is wrong with the spec of a listener, or `undefined`. */
export type ListenCheck = (spec: string) => string | undefined;

/** Where to look and whom to ask. */
export interface ResolveContext {
  /** What relative paths are relative to. */
  readonly folder: string;
  readonly file?: string;
  readonly checkListen?: ListenCheck;
}

/** The configuration in force, or the mistakes that are in the way. */
export function resolveConfig(
  parsed: ParsedConfig,
  context: ResolveContext,
): { config: Config; mistakes: readonly Mistake[] } {
  const mistakes: Mistake[] = [];
  const filters = resolveFilters(parsed, context.folder, mistakes);
  const seen = new Set<string>();
  const resolved = (path: string, listeners: readonly ParsedListener[]) =>
    resolveListeners(listeners, path, filters, context, seen, mistakes);
  const listeners = resolved(
    'milter.listen',
    parsed.milter?.listen ?? [{ listen: DEFAULT_LISTEN }],
  );
  const policy = resolved('auth.policy.listen', parsed.auth?.policy?.listen ?? []);
  const kv = resolveKv(parsed.kv, context.folder, mistakes);
  const config = {
    ...(context.file !== undefined && { file: context.file }),
    folder: context.folder,
    milter: { listeners },
    auth: { policy },
    filters,
    kv,
    dns: resolveDns(parsed.dns),
    workers: resolveWorkers(parsed.workers ?? 'auto', kv, mistakes),
    limits: limitsOf(parsed.limits),
  };
  return { config, mistakes };
}

function resolveFilters(parsed: ParsedConfig, folder: string, mistakes: Mistake[]): FilterConfig[] {
  const filters = parsed.filters ?? [];
  if (filters.length === 0) {
    const message =
      "expected at least one filter, such as filters: ['filters/greylist.ts'] or --filter FILE";
    mistakes.push({ path: 'filters', message });
  }
  const firstOfName = new Map<string, number>();
  return filters.map((filter, index) => {
    const path = resolve(folder, filter.path);
    const name = filter.name ?? basename(path, extname(path));
    const at = `filters[${index}]`;
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(name)) {
      const message = `'${name}' cannot be the name of a filter; give it one: { path: '${filter.path}', name: '...' }`;
      mistakes.push({ path: at, message });
    }
    const first = firstOfName.get(name);
    if (first === undefined) firstOfName.set(name, index);
    else {
      const message = `the name '${name}' is taken by filters[${first}]; give one of them another: { path: '${filter.path}', name: '...' }`;
      mistakes.push({ path: at, message });
    }
    if (!existsSync(path)) mistakes.push({ path: at, message: `there is no file ${path}` });
    return { name, path, settings: filter.settings ?? {}, overrides: overridesOf(filter) };
  });
}

type ParsedListener = NonNullable<NonNullable<ParsedConfig['milter']>['listen']>[number];

/** `path`: the key of the list. `seen`: the places that are taken already. */
function resolveListeners(
  listeners: readonly ParsedListener[],
  path: string,
  filters: readonly FilterConfig[],
  { folder, checkListen }: ResolveContext,
  seen: Set<string>,
  mistakes: Mistake[],
): ListenerConfig[] {
  const names = filters.map(({ name }) => name);
  return listeners.map((listener, index) => {
    const at = `${path}[${index}]`;
    const listen = absoluteSocket(listener.listen, folder);
    const wrong = checkListen?.(listen);
    if (wrong !== undefined) mistakes.push({ path: at, message: wrong });
    if (seen.has(listen))
      mistakes.push({ path: at, message: `'${listen}' is in the list already` });
    seen.add(listen);
    listener.filters?.forEach((name, place) => {
      if (names.includes(name)) return;
      const hint = suggestion(name, names) || `; there are: ${names.join(', ')}`;
      const message = `there is no filter named '${name}'${hint}`;
      mistakes.push({ path: `${at}.filters[${place}]`, message });
    });
    for (const key of ['mode', 'owner', 'group'] as const) {
      if (listener[key] === undefined || isUnixSocket(listen)) continue;
      mistakes.push({
        path: `${at}.${key}`,
        message: 'only a Unix socket has this; remove the key',
      });
    }
    return {
      listen,
      ...(listener.filters !== undefined && { filters: listener.filters }),
      ...(listener.mode !== undefined && { mode: listener.mode }),
      ...(listener.owner !== undefined && { owner: listener.owner }),
      ...(listener.group !== undefined && { group: listener.group }),
    };
  });
}

function isUnixSocket(spec: string): boolean {
  return /^(unix:|local:|\/)/.test(spec);
}

/** Workers must find a socket in the same place, wherever the server was started. */
function absoluteSocket(spec: string, folder: string): string {
  const [, scheme, path] = /^(unix|local):(.+)$/.exec(spec) ?? [];
  return path === undefined ? spec : `${scheme}:${resolve(folder, path)}`;
}

/** A processor each, unless a store belongs to one process. */
function resolveWorkers(workers: 'auto' | number, kv: KvConfig, mistakes: Mistake[]): number {
  if (workers === 'auto') return hasMemoryStore(kv) ? 1 : availableParallelism();
  checkMemoryStores(kv, workers, mistakes);
  return workers;
}

function resolveDns({ servers, timeout, tries }: NonNullable<ParsedConfig['dns']> = {}): DnsConfig {
  return {
    ...(servers !== undefined && { servers }),
    timeoutMs: timeout ?? durationMs('2s'),
    tries: tries ?? 2,
  };
}
