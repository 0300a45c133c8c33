/**
 * Which stores a compiled filter uses, and for what, as far as its text tells: so that what
 * a store cannot do is known before any mail comes. What is only known at run time
 * (`kv.store(settings.store)`) is an error of the call there.
 */

import { POSTERN_PARAMETER } from './postern-module.ts';

export interface KvUse {
  /** What is called: `scan`, `rate` ...; absent where the store is only named. */
  readonly call?: string;
  /** The name of the store or group; `default` for `kv` itself. */
  readonly name: string;
  readonly isGroup: boolean;
  /** Where in the script, from 1. */
  readonly line: number;
  readonly column: number;
}

const NAMED = String.raw`\.(store|group)\(\s*(?:"([^"\\]*)"|'([^'\\]*)')\s*\)`;
const CALL = String.raw`(?:\??\.\s*(\w+)|\[\s*["'](\w+)["']\s*\])`;

/** The uses in a script that compile.ts made: there `kv` is a variable of its own, whatever its name in the source. */
export function kvUses(code: string): KvUse[] {
  const kv = new RegExp(`\\b(\\w+) = ${POSTERN_PARAMETER}\\.kv;`).exec(code)?.[1];
  if (kv === undefined) return [];
  return [...direct(code, kv), ...named(code, kv), ...kept(code, kv)];
}

/** `kv.scan(...)` */
function direct(code: string, kv: string): KvUse[] {
  return matches(code, String.raw`(?<![\w$.])${kv}${CALL}`).flatMap(({ groups, place }) => {
    const call = groups[0] ?? groups[1]!;
    if (call === 'store' || call === 'group') return [];
    return [{ call, name: 'default', isGroup: false, ...place }];
  });
}

/** `kv.store("fleet")`, with or without a call behind it. */
function named(code: string, kv: string): KvUse[] {
  return matches(code, String.raw`(?<![\w$.])${kv}${NAMED}(?:${CALL})?`).map(
    ({ groups, place }) => {
      const [kind, double, single, dotted, indexed] = groups;
      const call = dotted ?? indexed;
      return {
        name: double ?? single ?? '',
        isGroup: kind === 'group',
        ...(call !== undefined && { call }),
        ...place,
      };
    },
  );
}

/** `const fleet = kv.store("fleet")`, and later `fleet.scan(...)`. */
function kept(code: string, kv: string): KvUse[] {
  const variables = matches(code, String.raw`\b(?:var|let|const) (\w+) = ${kv}${NAMED};`);
  return variables.flatMap(({ groups: [variable, kind, double, single] }) =>
    matches(code, String.raw`(?<![\w$.])${variable}${CALL}`).map(({ groups, place }) => ({
      call: groups[0] ?? groups[1]!,
      name: double ?? single ?? '',
      isGroup: kind === 'group',
      ...place,
    })),
  );
}

function matches(code: string, pattern: string) {
  return [...code.matchAll(new RegExp(pattern, 'g'))].map((match) => ({
    groups: match.slice(1) as (string | undefined)[],
    place: placeOf(code, match.index),
  }));
}

function placeOf(code: string, index: number): { line: number; column: number } {
  const before = code.slice(0, index).split('\n');
  return { line: before.length, column: before.at(-1)!.length + 1 };
}
