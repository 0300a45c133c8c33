/**
 * How often a script declares a name, as far as a light scan tells: it would rather find one
 * declaration too many, such as an assignment, than miss a parameter.
 */

const CONTROL = /(?<![\w$.])(?:if|while|for|switch|with)\s*$/;

/** `code`: a script without the contents of its texts (code-only.ts). */
export function declarations(code: string, name: string): number {
  const escaped = name.replace(/\$/g, '\\$&');
  const patterns = patternSpans(code);
  let count = 0;
  for (const { index } of code.matchAll(new RegExp(`(?<![\\w$.])${escaped}(?![\\w$])`, 'g'))) {
    const isDeclared =
      /\b(?:var|let|const|class|function\s*\*?)\s+$/.test(
        code.slice(Math.max(0, index - 30), index),
      ) ||
      /^\s*(?:\?\?|&&|\|\|)?=(?![=>])/.test(
        code.slice(index + name.length, index + name.length + 30),
      ) ||
      /^\s*=>/.test(code.slice(index + name.length, index + name.length + 30)) ||
      patterns.some(([from, to]) => from < index && index < to);
    if (isDeclared) count++;
  }
  return count;
}

/** From bracket to bracket: lists of parameters, `catch (error)`, and what `const { a, b } =` takes apart. */
function patternSpans(code: string): (readonly [from: number, to: number])[] {
  const spans: (readonly [number, number])[] = [];
  const open: number[] = [];
  for (const { index: at, 0: bracket } of code.matchAll(/[()[\]{}]/g)) {
    if ('([{'.includes(bracket)) {
      open.push(at);
      continue;
    }
    const from = open.pop();
    if (from === undefined) continue;
    const before = code.slice(Math.max(0, from - 30), from);
    const isPattern =
      bracket === ')'
        ? /^\s*(?:=>|\{)/.test(code.slice(at + 1, at + 30)) && !CONTROL.test(before)
        : /\b(?:var|let|const)\s*$/.test(before);
    if (isPattern) spans.push([from, at]);
  }
  return spans;
}
