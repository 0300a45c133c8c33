/** The headers of a message as plain lines, and what filters can do to them: slow and obvious. */

/** What a filter does to headers, as data that a message can carry. */
export type HeaderOperation =
  | readonly ['add', name: string, value: string]
  | readonly ['insert', index: number, name: string, value: string]
  | readonly ['before' | 'after', nthHeader: number, name: string, value: string]
  | readonly ['change', name: string, value: string, nth: number]
  | readonly ['delete', name: string, nth?: number];

/** A filter that does what the JSON in a message's body says. */
export const OBEYS_BODY = `import type { Message, Session } from 'postern';
  export async function eom(session: Session, message: Message) {
    const { headers } = message;
    for (const [what, ...args] of JSON.parse(String.fromCharCode(...(await message.body())))) {
      const other = () => [...headers][args[0]];
      switch (what) {
        case 'before': if (other()) headers.insertBefore(other(), args[1], args[2]); break;
        case 'after': if (other()) headers.insertAfter(other(), args[1], args[2]); break;
        default: headers[what](...args);
      }
    }
  }`;

/** Stands for the Received header of the MTA, which filters do not see. */
export const OWN = 'Received';

/** `lines`: headers as they are sent, each with its name and folds. */
export function applied(
  lines: readonly string[],
  operations: readonly HeaderOperation[],
): readonly string[] {
  const own = { line: OWN };
  const list = [own, ...lines.map((line) => ({ line }))];
  const nameOf = ({ line }: { line: string }) => line.split(':')[0]!.toLowerCase();
  const named = (name: string) =>
    list.filter((each) => each !== own && nameOf(each) === name.toLowerCase());
  for (const operation of operations) {
    const [what] = operation;
    if (what === 'delete') {
      const [, name, nth] = operation;
      const gone = nth === undefined ? named(name) : named(name).slice(nth - 1, nth);
      for (const each of gone) list.splice(list.indexOf(each), 1);
    } else if (what === 'add') {
      list.push({ line: `${operation[1]}: ${operation[2]}` });
    } else if (what === 'change') {
      const [, name, value, nth] = operation;
      const found = named(name)[nth - 1];
      if (found) found.line = `${found.line.split(':')[0]}: ${value}`;
      else list.push({ line: `${name}: ${value}` });
    } else {
      const [, place, name, value] = operation;
      const other = list.filter((each) => each !== own)[place];
      if (what !== 'insert' && !other) continue;
      const at = what === 'insert' ? place : list.indexOf(other!) + (what === 'after' ? 1 : 0);
      list.splice(at, 0, { line: `${name}: ${value}` });
    }
  }
  return list.map(({ line }) => line);
}
