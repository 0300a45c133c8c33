/** Whether the stores of a configuration can do what its filters ask of them. */

import { type KvUse, kvUses } from '../compile/kv-uses.ts';
import { SourcePositions } from '../compile/source-map.ts';
import type { KvConfig } from '../config/config.ts';
import { parseKvUrl } from '../config/kv-url.ts';
import { shownName, suggestion } from '../config/nearest.ts';
import { objectionTo } from '../kv/abilities.ts';
import type { CompiledScript } from './messages.ts';

export interface StoreReport {
  /** What cannot work, one line each, with file and line. */
  readonly mistakes: readonly string[];
  /** What will work, but not as well as its author may think. */
  readonly warnings: readonly string[];
}

/** Said of a use that may be none. */
const DOUBT = ' (if this is the store: the filter declares the name more than once)';

export function checkStores(kv: KvConfig, filters: readonly CompiledScript[]): StoreReport {
  const mistakes = new Set<string>();
  const warnings = new Set<string>();
  for (const { path, code, map } of filters) {
    const positions = new SourcePositions(map);
    for (const use of kvUses(code)) {
      const at = positions.map(use.line, use.column) ?? path;
      const unknown = unknownName(kv, use);
      if (unknown !== undefined) {
        if (use.isCertain) mistakes.add(`${at}: ${unknown}`);
        else warnings.add(`${at}: ${unknown}${DOUBT}`);
        continue;
      }
      for (const store of storesOf(kv, use)) {
        const objection = use.call === undefined ? undefined : objectionOf(kv, store, use.call);
        if (!objection) continue;
        const line = `${at}: kv.${use.call} on the store '${store}': ${objection.why}`;
        if (!use.isCertain) warnings.add(`${line}${DOUBT}`);
        else (objection.kind === 'impossible' ? mistakes : warnings).add(line);
      }
    }
  }
  return { mistakes: [...mistakes], warnings: [...warnings] };
}

function unknownName(kv: KvConfig, { name, isGroup }: KvUse): string | undefined {
  const names = isGroup ? Object.keys(kv.groups) : ['default', ...Object.keys(kv.stores)];
  if (names.includes(name)) return undefined;
  const there = names.length === 0 ? 'there is none' : `there are: ${names.join(', ')}`;
  const hint = suggestion(name, names) || `; ${there}`;
  const [what, key] = isGroup ? ['group of stores', 'kv.groups'] : ['store', 'kv.stores'];
  return `there is no ${what} named '${shownName(name)}' in ${key} of the configuration${hint}`;
}

function storesOf(kv: KvConfig, { name, isGroup }: KvUse): readonly string[] {
  return isGroup ? (kv.groups[name] ?? []) : [name];
}

function objectionOf(kv: KvConfig, store: string, call: string) {
  const url = store === 'default' ? kv.default : kv.stores[store];
  const parsed = parseKvUrl(url, '/');
  return 'mistake' in parsed ? undefined : objectionTo(call, parsed.scheme);
}
