/**
 * From the headers as they came and as they shall be to the steps that bring the MTA there.
 *
 * What the MTA holds, and how INSHEADER counts (Postfix's cleanup_milter.c, Sendmail's
 * milter.c and headers.c):
 *
 *     INSHEADER 0 ->
 *                    Received: (the MTA's own, which filters do not see)
 *     INSHEADER 1 ->
 *                    first header seen
 *     INSHEADER 2 -> (Postfix only)
 *                    second header seen
 *     beyond all ->
 *
 * Sendmail counts headers that nobody sees, so between the second place and the end nothing
 * can be hit. There, the headers below a new one are deleted and appended again. And its
 * ADDHEADER goes above an older header of the same name, even a deleted one or its own Received,
 * or replaces a default header; only an index beyond all is the end.
 *
 * CHGHEADER counts the headers of one name. Postfix forgets deleted ones at once, Sendmail
 * does not: going from the last to the first, both mean the same.
 */

import { FIRST_NEW_ID, type HeaderEntry, type HeaderList } from '../policy/header-list.ts';

/** `postfix`: every place can be reached. `other`: only those that all MTAs agree on. */
export type MtaKind = 'postfix' | 'other';

export type HeaderStep =
  /** `nth` of that name from 1, among the headers as they came, given the steps before. */
  | {
      readonly kind: 'change';
      readonly name: string;
      readonly nth: number;
      readonly to: HeaderEntry;
    }
  | { readonly kind: 'delete'; readonly name: string; readonly nth: number }
  | { readonly kind: 'insert'; readonly index: number; readonly entry: HeaderEntry }
  | { readonly kind: 'append'; readonly entry: HeaderEntry };

/** Beyond the headers of any message. */
export const BEYOND_ALL = 1_000_000;

const ABOVE_ALL = 0;
const BELOW_OWN_RECEIVED = 1;

/** `original`: the headers that `wanted` was made of before it was modified. */
export function planHeaders(
  original: readonly { readonly name: string; readonly raw: string }[],
  wanted: HeaderList,
  mta: MtaKind,
): readonly HeaderStep[] {
  const { above, below } = wanted.parts;
  const layout = mta === 'postfix' ? placedOnPostfix(below) : placedAnywhere(original, below);
  return [
    ...changes(original, layout.kept),
    ...layout.steps,
    // Last: a header above its own Received makes Postfix count that one as well.
    ...above.toReversed().map((entry): HeaderStep => ({ kind: 'insert', index: ABOVE_ALL, entry })),
  ];
}

/** Which originals keep their place, by id, and how the other headers come into theirs. */
interface Layout {
  readonly kept: ReadonlyMap<number, HeaderEntry>;
  readonly steps: readonly HeaderStep[];
}

/** No MTA can be told about a header without a name: it stays as and where it is. */
const isNameless = ({ name }: { readonly name: string }) => name === '';

const isNew = (entry: HeaderEntry) => entry.id >= FIRST_NEW_ID;

function byId(entries: readonly HeaderEntry[]): Map<number, HeaderEntry> {
  return new Map(entries.filter((entry) => !isNew(entry)).map((entry) => [entry.id, entry]));
}

/** From the last to the first, so that no step moves the target of a later one. */
function changes(
  original: readonly { readonly name: string; readonly raw: string }[],
  kept: ReadonlyMap<number, HeaderEntry>,
): HeaderStep[] {
  const seen = new Map<string, number>();
  const nths = original.map(({ name }) => {
    const nth = (seen.get(name.toLowerCase()) ?? 0) + 1;
    seen.set(name.toLowerCase(), nth);
    return nth;
  });
  const steps: HeaderStep[] = [];
  for (let id = original.length - 1; id >= 0; id -= 1) {
    const { name, raw } = original[id]!;
    const entry = kept.get(id);
    if (isNameless({ name })) continue;
    if (!entry) steps.push({ kind: 'delete', name, nth: nths[id]! });
    else if (!('raw' in entry.value) || entry.value.raw !== raw) {
      steps.push({ kind: 'change', name, nth: nths[id]!, to: entry });
    }
  }
  return steps;
}

/** From the top down: what is above an insertion is already in place, so its index is known. */
function placedOnPostfix(below: readonly HeaderEntry[]): Layout {
  const lastKept = below.findLastIndex((entry) => !isNew(entry));
  const steps = below.flatMap((entry, place): HeaderStep[] => {
    if (!isNew(entry)) return [];
    return place < lastKept
      ? [{ kind: 'insert', index: place + BELOW_OWN_RECEIVED, entry }]
      : [{ kind: 'append', entry }];
  });
  return { kept: byId(below), steps };
}

function placedAnywhere(
  original: readonly { readonly name: string }[],
  below: readonly HeaderEntry[],
): Layout {
  const firstKept = below.findIndex((entry) => !isNew(entry));
  const lastKept = below.findLastIndex((entry) => !isNew(entry));
  const top = firstKept < 0 ? [] : below.slice(0, firstKept);
  // From the first new header between two others on, everything is written anew.
  const middle = below.findIndex(
    (entry, place) => isNew(entry) && place > firstKept && place < lastKept,
  );
  const tailFrom = firstKept < 0 ? 0 : middle >= 0 ? middle : lastKept + 1;
  const names = new Set(['received', ...original.map(({ name }) => name.toLowerCase())]);
  const tail = below.slice(tailFrom).filter((entry) => !isNameless(entry));
  const steps: HeaderStep[] = tail.map((entry) => {
    const name = entry.name.toLowerCase();
    if (names.has(name)) return { kind: 'insert', index: BEYOND_ALL, entry };
    names.add(name);
    return { kind: 'append', entry };
  });
  for (const entry of top.toReversed()) {
    steps.push({ kind: 'insert', index: BELOW_OWN_RECEIVED, entry });
  }
  return { kept: byId(below.slice(0, tailFrom)), steps };
}
