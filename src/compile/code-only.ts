/**
 * A script without the contents of its texts: what looks like code in a string, a template, a
 * regular expression or a comment becomes blanks, and everything else stays at its place.
 *
 * For scripts as esbuild prints them, where a division never begins a line: so a `/` that
 * does, after a bracket, begins a regular expression.
 */

/** The words that a value follows, so that a `/` behind them begins a regular expression. */
const BEFORE_A_VALUE =
  /(?<![\w$.])(?:return|typeof|case|in|of|delete|void|throw|new|instanceof|do|else|yield|await)$/;

/** Where something other than plain code may begin, and the brackets that end a `${}`. */
const NOTABLE = /["'`/{}]/g;

const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;

/** By what a text begins with: where it may end, or what is to be known on the way. */
const STOPS = {
  '"': /["\\\n]/g,
  "'": /['\\\n]/g,
  '`': /[`\\]|\$\{/g,
  '/': /[/[\]\\\n]/g,
} as const;

/** How much of the code before a `/` is looked at. */
const LOOK_BACK = 200;

/** The script with blanks for the contents of texts; as long as it was, with the same lines. */
export function codeOnly(script: string): string {
  const parts: string[] = [];
  /** For each template that is open: how many brackets are open in its `${}`. */
  const open: number[] = [];
  let at = 0;
  let before = '';
  const take = ({ part, token = part }: Taken) => {
    parts.push(part);
    at += part.length;
    before = (before + token).slice(-LOOK_BACK);
  };
  while (at < script.length) {
    const next = matchAt(NOTABLE, script, at);
    take({ part: script.slice(at, next?.index) });
    if (!next) break;
    const text = textAt(script, at, { before, isInTemplate: open.at(-1) === 0 });
    const part = text?.part ?? next[0];
    // The brackets that a template begins and ends with are its own.
    if (open.length > 0 && part.startsWith('}')) open.push(open.pop()! - 1);
    if (open.at(-1) === -1) open.pop();
    if (text && part.endsWith('${')) open.push(0);
    else if (open.length > 0 && part === '{') open.push(open.pop()! + 1);
    take(text ?? { part });
  }
  return parts.join('');
}

interface Taken {
  readonly part: string;
  /** What a `/` behind it is to know of it. */
  readonly token?: string;
}

/** The text that begins here, blank between its ends; `undefined`: it is code. */
function textAt(
  script: string,
  at: number,
  { before, isInTemplate }: { readonly before: string; readonly isInTemplate: boolean },
): Taken | undefined {
  const character = script[at];
  switch (character) {
    case '"':
    case "'": {
      const string = textFrom(script, at, character);
      return string === undefined ? undefined : { part: keepingEnds(string, 1) };
    }
    case '`':
    case '}': {
      const template = character === '`' || isInTemplate ? textFrom(script, at, '`') : undefined;
      if (template === undefined) return undefined;
      return { part: keepingEnds(template, template.endsWith('${') ? 2 : 1) };
    }
    case '/': {
      const comment = matchAt(COMMENT, script, at)?.[0];
      if (comment !== undefined)
        return { part: blanks(comment), token: comment.includes('\n') ? '\n' : ' ' };
      const expression = isValueNext(before) ? textFrom(script, at, '/') : undefined;
      // To a `/` behind it, it is a value like any other.
      return expression === undefined ? undefined : { part: blanks(expression), token: ' 0' };
    }
    default:
      return undefined;
  }
}

/** The text with its ends; a loop, since one pattern for a text of megabytes is too much for V8. */
function textFrom(script: string, at: number, kind: keyof typeof STOPS): string | undefined {
  let isInClass = false;
  let from = at + 1;
  for (;;) {
    const stop = matchAt(STOPS[kind], script, from);
    if (!stop || stop[0] === '\n') return undefined;
    from = stop.index + stop[0].length;
    if (stop[0] === '\\') from++;
    else if (stop[0] === '[' || stop[0] === ']') isInClass = stop[0] === '[';
    else if (!isInClass) return script.slice(at, from);
  }
}

function matchAt(pattern: RegExp, script: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(script) ?? undefined;
}

function isValueNext(before: string): boolean {
  const last = before.trimEnd();
  if (/[)\]}]$/.test(last)) return before.slice(last.length).includes('\n');
  if (/(?:\+\+|--|["'`])$/.test(last)) return false;
  return !/[\w$]$/.test(last) || BEFORE_A_VALUE.test(last);
}

function keepingEnds(text: string, last: number): string {
  return `${text[0]}${blanks(text.slice(1, -last))}${text.slice(-last)}`;
}

function blanks(text: string): string {
  return text.replace(/[^\n]/g, ' ');
}
