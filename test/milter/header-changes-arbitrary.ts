/** Random headers and random changes of them, for models of MTAs and for real ones. */

import fc from 'fast-check';
import type { RawHeader } from '../../src/milter/header-changes.ts';
import { type HeaderEntry, HeaderList } from '../../src/policy/header-list.ts';
import type { HeaderValue, Modification } from '../../src/policy/modification.ts';

/** Where the MTA's own Received stands in what is shown. */
export const OWN = '(own Received)';

type Change =
  | { readonly kind: 'add'; readonly name: string }
  | { readonly kind: 'insert'; readonly name: string; readonly index: number }
  | { readonly kind: 'beside'; readonly name: string; readonly at: number; readonly after: boolean }
  | { readonly kind: 'change'; readonly name: string; readonly nth: number }
  | { readonly kind: 'delete'; readonly name: string; readonly nth: number | null };

const names = fc.constantFrom('X-A', 'x-a', 'X-B', 'X-C', 'X-New');
const nth = fc.integer({ min: 1, max: 4 });

/** Names of headers as they come. */
export const originalNames = fc.array(names, { maxLength: 8 });

export const headerChanges: fc.Arbitrary<Change[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('add'), name: names }),
    fc.record({ kind: fc.constant('insert'), name: names, index: fc.nat(10) }),
    fc.record({ kind: fc.constant('beside'), name: names, at: fc.nat(10), after: fc.boolean() }),
    fc.record({ kind: fc.constant('change'), name: names, nth }),
    fc.record({ kind: fc.constant('delete'), name: names, nth: fc.option(nth) }),
  ),
  { maxLength: 8 },
);

/** The changes as modifications of these headers, and `name:value` of what they come to. */
export function applied(headers: readonly RawHeader[], changes: readonly Change[]) {
  const wanted = new HeaderList(headers);
  const modifications = changes.map((change, index): Modification => {
    const modification = modificationOf(change, { text: `new ${index}` }, wanted.visible);
    wanted.apply(modification);
    return modification;
  });
  const { above, below } = wanted.parts;
  return { modifications, wanted: [...above.map(shown), OWN, ...below.map(shown)] };
}

function shown({ name, value }: HeaderEntry): string {
  return `${name}:${'raw' in value ? value.raw : 'text' in value ? ` ${value.text}` : value.bytes}`;
}

function modificationOf(
  change: Change,
  value: HeaderValue,
  visible: readonly HeaderEntry[],
): Modification {
  const { name } = change;
  switch (change.kind) {
    case 'add':
      return { kind: 'addHeader', name, value };
    case 'insert':
      return { kind: 'insertHeader', index: change.index, name, value };
    case 'beside': {
      const other = visible[change.at % Math.max(1, visible.length)]?.id ?? 0;
      const side = change.after ? 'after' : 'before';
      return { kind: 'insertHeaderBeside', side, other, name, value };
    }
    case 'change':
      return { kind: 'changeHeader', name, nth: change.nth, value };
    case 'delete':
      return { kind: 'deleteHeader', name, ...(change.nth !== null && { nth: change.nth }) };
    default:
      return change satisfies never;
  }
}
