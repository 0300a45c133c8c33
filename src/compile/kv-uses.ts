/**
 * Which stores a compiled filter uses, and for what, as far as its text tells: so that what
 * a store cannot do is known before any mail comes. What is only known at run time
 * (`kv.store(settings.store)`) is an error of the call there.
 */

import { codeOnly } from './code-only.ts';
import { declarations } from './declarations.ts';
import { POSTERN_PARAMETER } from './postern-module.ts';

export interface KvUse {
  /** What is called: `scan`, `rate` ...; absent where the store is only named. */
  readonly call?: string;
  /** The name of the store or group; `default` for `kv` itself. */
  readonly name: string;
  readonly isGroup: boolean;
  /** Whether it is this store that is used; else it may be something of the same name. */
  readonly isCertain: boolean;
  /** Where in the script, from 1. */
  readonly line: number;
  readonly column: number;
}

/** Texts are blank in the code that is looked at: their names are read in the script itself. */
const NAMED = String.raw`\.(store|group)\(\s*(?:"( *)"|'( *)')\s*\)`;
const CALL = String.raw`(?:\??\.\s*(\w+)|\[\s*["']( *)["']\s*\])`;

interface Script {
  readonly text: string;
  /** The same without the contents of its texts. */
  readonly code: string;
}

/** The uses in a script that compile.ts made: there `kv` is a variable of its own, whatever its name in the source. */
export function kvUses(text: string): KvUse[] {
  const script = { text, code: codeOnly(text) };
  const kv = new RegExp(`\\b(\\w+) = ${POSTERN_PARAMETER}\\.kv;`).exec(script.code)?.[1];
  if (kv === undefined) return [];
  return [...direct(script, kv), ...named(script, kv), ...kept(script, kv)];
}

/** `kv.scan(...)` */
function direct(script: Script, kv: string): KvUse[] {
  return matches(script, String.raw`(?<![\w$.])${kv}${CALL}`).flatMap(({ groups, place }) => {
    const call = groups[0] ?? groups[1]!;
    if (call === 'store' || call === 'group') return [];
    return [{ call, name: 'default', isGroup: false, isCertain: true, ...place }];
  });
}

/** `kv.store("fleet")`, with or without a call behind it. */
function named(script: Script, kv: string): KvUse[] {
  return matches(script, String.raw`(?<![\w$.])${kv}${NAMED}(?:${CALL})?`).flatMap(
    ({ groups, place }) => {
      const [kind, double, single, dotted, indexed] = groups;
      const name = double ?? single ?? '';
      const call = dotted ?? indexed;
      if (name.includes('\\')) return [];
      const isGroup = kind === 'group';
      return [{ name, isGroup, isCertain: true, ...(call !== undefined && { call }), ...place }];
    },
  );
}

/** `const fleet = kv.store("fleet")`, and later `fleet.scan(...)`. */
function kept(script: Script, kv: string): KvUse[] {
  const variables = matches(script, String.raw`\b(?:var|let|const) (\w+) = ${kv}${NAMED};`);
  return variables.flatMap(({ groups: [variable = '', kind, double, single] }) => {
    const name = double ?? single ?? '';
    if (name.includes('\\')) return [];
    // Another function's variable may have the name, too.
    const isCertain = declarations(script.code, variable) < 2;
    return matches(script, String.raw`(?<![\w$.])${variable}${CALL}`).map(({ groups, place }) => ({
      call: groups[0] ?? groups[1]!,
      name,
      isGroup: kind === 'group',
      isCertain,
      ...place,
    }));
  });
}

function matches({ text, code }: Script, pattern: string) {
  return [...code.matchAll(new RegExp(pattern, 'dg'))].map((match) => ({
    groups: match.indices!.slice(1).map((at) => at && text.slice(...at)) as (string | undefined)[],
    place: placeOf(code, match.index),
  }));
}

function placeOf(code: string, index: number): { line: number; column: number } {
  const before = code.slice(0, index).split('\n');
  return { line: before.length, column: before.at(-1)!.length + 1 };
}
