/**
 * What a handler ended with, checked before anybody acts on it: it comes out of an isolate in which
 * anything may have happened. The runner asks before it goes on with the chain. Each function tells
 * what is wrong as the end of a sentence, or `undefined`.
 */

import type { ModificationKind } from './modification.ts';
import type { Phase } from './phases.ts';
import { parseReply } from './smtp-reply.ts';
import { misplaced, type Verdict, type VerdictKind } from './verdict.ts';

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

/** Delays within delays: more than any author asks for. */
const MAX_VERDICT_DEPTH = 10;

const isText: Check = (value) => typeof value === 'string';
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText);
const isIndex: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isNth: Check = (value) => isIndex(value) && value !== 0;
const isBoolean: Check = (value) => typeof value === 'boolean';
const isMs: Check = (value) => Number.isFinite(value) && (value as number) >= 0;
const isPort: Check = (value) => isNth(value) && (value as number) <= 65_535;
const isLine: Check = (value) =>
  typeof value === 'string' && value.length <= 998 && !/[\0\r\n]/.test(value);
const isHeaderValue: Check = (value) =>
  isObject(value) && (fits(value, { text: isText }) || fits(value, { bytes: isText }));
const isVerdict: Check = isObject;

const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);

const isReply =
  (replyClass: 4 | 5): Check =>
  (value) => {
    const shape = { code: Number.isFinite as Check, enhanced: optional(isText), lines: isTexts };
    if (!isObject(value) || !fits(value, shape)) return false;
    const { code, enhanced, lines } = value;
    try {
      parseReply([code as number, (enhanced ?? '') as string, lines as string[]], replyClass);
      return true;
    } catch {
      return false;
    }
  };

/** The fields beside `kind`, by kind; no others may be there. */
type Shapes<Kind extends string> = Readonly<Record<Kind, Readonly<Record<string, Check>>>>;

const VERDICTS: Shapes<VerdictKind> = {
  continue: {},
  accept: { all: optional(isBoolean) },
  reject: { reply: optional(isReply(5)) },
  tempfail: { reply: optional(isReply(4)) },
  discard: {},
  skip: {},
  route: { host: isText, port: isPort, user: optional(isText) },
  prepend: { text: isLine },
  redirect: { text: isLine },
  hold: { text: isLine },
  filter: { text: isLine },
  delay: { ms: isMs, answer: isVerdict },
};

const header = { name: isText, value: isHeaderValue };
const envelope = { address: isText, args: isTexts };

const MODIFICATIONS: Shapes<ModificationKind> = {
  addHeader: header,
  insertHeader: { index: isIndex, ...header },
  insertHeaderBeside: {
    side: (value) => value === 'before' || value === 'after',
    other: isIndex,
    ...header,
  },
  changeHeader: { nth: isNth, ...header },
  deleteHeader: { name: isText, nth: optional(isNth) },
  setSender: envelope,
  addRecipient: envelope,
  deleteRecipient: { address: isText },
  replaceBody: { body: isText },
  quarantine: { reason: isText },
};

/** What is wrong with a verdict, or makes no sense in this phase. */
export function verdictMisfit(value: unknown, phase: Phase): string | undefined {
  let inner = value;
  for (let depth = 0; depth < MAX_VERDICT_DEPTH; depth += 1) {
    if (!isOneOf(VERDICTS, inner)) return 'its verdict is none';
    if (inner.kind !== 'delay') return misplaced(value as Verdict, phase);
    inner = inner.answer;
  }
  return 'its verdict delays too often';
}

/** What is wrong with a list of changes of a message, or makes no sense in this phase. */
export function modificationsMisfit(value: unknown, phase: Phase): string | undefined {
  if (!Array.isArray(value)) return 'its changes of the message are no list';
  const wrong = value.findIndex((item) => !isOneOf(MODIFICATIONS, item));
  if (wrong >= 0) return `change ${wrong + 1} of the message is none`;
  if (value.length > 0 && phase !== 'eom') return 'a message can be changed in eom only';
  return undefined;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isOneOf<Kind extends string>(shapes: Shapes<Kind>, value: unknown): value is Fields {
  if (!isObject(value)) return false;
  const { kind, ...fields } = value;
  return (
    typeof kind === 'string' && Object.hasOwn(shapes, kind) && fits(fields, shapes[kind as Kind])
  );
}

function fits(fields: Fields, shape: Readonly<Record<string, Check>>): boolean {
  for (const name in fields) if (!Object.hasOwn(shape, name)) return false;
  for (const name in shape) if (!shape[name]!(fields[name])) return false;
  return true;
}
