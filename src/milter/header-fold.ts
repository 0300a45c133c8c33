/** Folds where a filter left out what mail needs. */

/** Octets of a line without its end (RFC 5322 section 2.1.1). */
const LONGEST_LINE = 998;

/**
 * A value with its too long lines folded at white space, as late as possible. `before`: what
 * stands before the value on its line. Postfix would cut such a line anywhere when it sends it,
 * Sendmail loses what is beyond some 2300 octets. A word that is too long stays in one piece.
 */
export function foldLongLines(value: string, before: number): string {
  if (before + value.length <= LONGEST_LINE) return value;
  return value
    .split('\n')
    .map((line, index) => folded(line, LONGEST_LINE - (index === 0 ? before : 0)))
    .join('\n');
}

function folded(line: string, longest: number): string {
  const parts: string[] = [];
  let from = 0;
  for (let room = longest; line.length - from > room; room = LONGEST_LINE) {
    const at = foldIn(line, from, from + room);
    if (at === undefined) break;
    parts.push(line.slice(from, at));
    from = at;
  }
  parts.push(line.slice(from));
  return parts.join('\n');
}

/** Before a single white space between two words: the last up to `to`, else the first after it. */
function foldIn(line: string, from: number, to: number): number | undefined {
  const candidates = /(?<=[^ \t])[ \t](?=[^ \t])/g;
  candidates.lastIndex = from + 1;
  let last: number | undefined;
  for (let match = candidates.exec(line); match; match = candidates.exec(line)) {
    if (match.index > to) return last ?? match.index;
    last = match.index;
  }
  return last;
}
