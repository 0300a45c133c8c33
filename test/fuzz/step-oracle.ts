/** Whether a checked step is what its type says, written without the schema that checks it. */

import type { CheckedStep } from '../../src/engine/step.ts';
import type { Phase } from '../../src/policy/phases.ts';
import { misplaced, type Verdict } from '../../src/policy/verdict.ts';
import { FAILURE_KINDS } from '../../src/runner/frames.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What is wrong with it, or `undefined`. */
export function faultOfStep(step: CheckedStep, phase: Phase): string | undefined {
  const { filter, verdict, modifications, sessionState, messageState, failure } = step;
  if (!isCount(filter)) return `filter ${filter}`;
  for (const state of [sessionState, messageState]) {
    if (state !== undefined && typeof state !== 'string') return `state ${typeof state}`;
  }
  if (failure !== undefined && !isFailure(failure)) return 'failure';
  if (failure !== undefined && (verdict.kind !== 'continue' || modifications.length > 0)) {
    return 'a failure that says something';
  }
  const fault = faultOfVerdict(verdict) ?? misplaced(verdict, phase);
  if (fault !== undefined) return fault;
  if (!Array.isArray(modifications)) return 'modifications';
  if (modifications.length > 0 && phase !== 'eom') return `modifications in ${phase}`;
  const wrong = modifications.find((modification) => !isModification(modification as never));
  return wrong && `modification ${JSON.stringify(wrong)}`;
}

/** Whether a report names its filter. */
export function namesFilter(report: unknown): boolean {
  return (
    typeof report === 'object' &&
    report !== null &&
    Object.hasOwn(report, 'filter') &&
    isCount((report as Fields).filter)
  );
}

function faultOfVerdict(given: Verdict): string | undefined {
  let verdict: Fields = given;
  while (verdict.kind === 'delay') {
    const { ms, answer } = verdict;
    if (!onlyHas(verdict, ['kind', 'ms', 'answer'])) return 'delay';
    if (!Number.isFinite(ms) || (ms as number) < 0) return `delay of ${ms}`;
    verdict = answer as Fields;
  }
  return isPlainVerdict(verdict) ? undefined : `verdict ${JSON.stringify(verdict)}`;
}

function isPlainVerdict(verdict: Fields): boolean {
  switch (verdict.kind) {
    case 'continue':
    case 'discard':
    case 'skip':
      return onlyHas(verdict, ['kind']);
    case 'accept':
      return (
        onlyHas(verdict, ['kind', 'all']) && ['undefined', 'boolean'].includes(typeof verdict.all)
      );
    case 'reject':
    case 'tempfail': {
      const firstDigit = verdict.kind === 'reject' ? 5 : 4;
      return (
        onlyHas(verdict, ['kind', 'reply']) &&
        (!('reply' in verdict) || isReply(verdict.reply, firstDigit))
      );
    }
    default:
      return false;
  }
}

function isReply(reply: unknown, firstDigit: 4 | 5): boolean {
  if (!onlyHas(reply, ['code', 'enhanced', 'lines'])) return false;
  const { code, enhanced, lines } = reply;
  if (!isCount(code) || Math.floor(code / 100) !== firstDigit) return false;
  if (enhanced !== undefined) {
    const [first, ...rest] = String(enhanced).split('.');
    if (first !== String(firstDigit) || rest.length !== 2) return false;
    if (!rest.every((digits) => /^\d{1,3}$/.test(digits))) return false;
  }
  if (!Array.isArray(lines) || lines.length < 1 || lines.length > 32) return false;
  return lines.every((line) => typeof line === 'string' && isLine(line));
}

function isLine(line: string): boolean {
  return Buffer.byteLength(line) <= 980 && !['\0', '\r', '\n'].some((bad) => line.includes(bad));
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const isNth = (value: unknown): boolean => isCount(value) && value >= 1;
const isSide = (value: unknown): boolean => value === 'before' || value === 'after';
const isValue = (value: unknown): boolean =>
  (onlyHas(value, ['text']) && isText(value.text)) ||
  (onlyHas(value, ['bytes']) && isText(value.bytes));

/** Fields of each modification; those in `may` can be missing. */
const MODIFICATIONS: Readonly<
  Record<
    string,
    {
      readonly must: Readonly<Record<string, (value: unknown) => boolean>>;
      readonly may?: Readonly<Record<string, (value: unknown) => boolean>>;
    }
  >
> = {
  addHeader: { must: { name: isText, value: isValue } },
  insertHeader: { must: { index: isCount, name: isText, value: isValue } },
  insertHeaderBeside: { must: { side: isSide, other: isCount, name: isText, value: isValue } },
  changeHeader: { must: { name: isText, nth: isNth, value: isValue } },
  deleteHeader: { must: { name: isText }, may: { nth: isNth } },
  setSender: { must: { address: isText, args: isTexts } },
  addRecipient: { must: { address: isText, args: isTexts } },
  deleteRecipient: { must: { address: isText } },
  replaceBody: { must: { body: isText } },
  quarantine: { must: { reason: isText } },
};

function isModification(modification: Fields): boolean {
  const { kind } = modification;
  if (typeof kind !== 'string' || !Object.hasOwn(MODIFICATIONS, kind)) return false;
  const { must, may = {} } = MODIFICATIONS[kind]!;
  return (
    onlyHas(modification, ['kind', ...Object.keys(must), ...Object.keys(may)]) &&
    Object.entries(must).every(([field, fits]) => fits(modification[field])) &&
    Object.entries(may).every(
      ([field, fits]) => !(field in modification) || fits(modification[field]),
    )
  );
}

function isFailure(failure: unknown): boolean {
  if (!onlyHas(failure, ['kind', 'message', 'stack'])) return false;
  const { kind, message, stack } = failure;
  return FAILURE_KINDS.includes(kind as never) && isText(message) && isText(stack);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function onlyHas(value: unknown, fields: readonly string[]): value is Fields {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).every((field) => fields.includes(field))
  );
}
