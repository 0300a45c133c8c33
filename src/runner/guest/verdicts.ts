/** The functions that make verdicts. */

import type { Phase } from '../../policy/phases.ts';
import { parseReply, type ReplyArguments } from '../../policy/smtp-reply.ts';
import { CONTINUE, misplaced, type Verdict } from '../../policy/verdict.ts';
import type { FilterVerdict } from './api.ts';

/** Where each verdict was made, for the error that names a misplaced one. */
const origins = new WeakMap<object, Error>();

function made(verdict: Verdict): FilterVerdict {
  const frozen = Object.freeze(verdict);
  origins.set(frozen, new Error('verdict'));
  return frozen as FilterVerdict;
}

export function accept(options?: { readonly all?: boolean }): FilterVerdict {
  return made(options?.all === true ? { kind: 'accept', all: true } : { kind: 'accept' });
}

export function reject(...args: ReplyArguments): FilterVerdict {
  const reply = parseReply(args, 5);
  return made(reply === undefined ? { kind: 'reject' } : { kind: 'reject', reply });
}

export function tempfail(...args: ReplyArguments): FilterVerdict {
  const reply = parseReply(args, 4);
  return made(reply === undefined ? { kind: 'tempfail' } : { kind: 'tempfail', reply });
}

export function discard(): FilterVerdict {
  return made({ kind: 'discard' });
}

export function skip(): FilterVerdict {
  return made({ kind: 'skip' });
}

export function delay(seconds: number, verdict?: FilterVerdict): FilterVerdict {
  if (typeof seconds !== 'number' || !(seconds >= 0) || !Number.isFinite(seconds)) {
    throw new TypeError(`delay: expected a number of seconds, got ${String(seconds)}`);
  }
  const answer = verdict === undefined ? CONTINUE : known(verdict);
  if (answer === undefined)
    throw new TypeError('delay: expected a verdict such as reject() as second argument');
  return made({ kind: 'delay', ms: Math.round(seconds * 1000), answer });
}

export function route(host: string, port: number, user?: string): FilterVerdict {
  if (typeof host !== 'string' || !/^[0-9a-f:.]+$/i.test(host))
    throw new TypeError(`route: expected the IP address of a server, got ${String(host)}`);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new TypeError(`route: expected a port, got ${String(port)}`);
  return made({
    kind: 'route',
    host,
    port,
    ...(user !== undefined && { user: oneLine('route', user) }),
  });
}

export function prepend(header: string): FilterVerdict {
  if (typeof header !== 'string' || !/^[!-9;-~]+:/.test(header))
    throw new TypeError(
      `prepend: expected a header such as 'X-Policy: seen', got ${String(header)}`,
    );
  return made({ kind: 'prepend', text: oneLine('prepend', header) });
}

export function redirect(address: string): FilterVerdict {
  if (typeof address !== 'string' || !/^[^\s<>]+@[^\s<>]+$/.test(address))
    throw new TypeError(`redirect: expected an address, got ${String(address)}`);
  return made({ kind: 'redirect', text: address });
}

export function hold(text = ''): FilterVerdict {
  return made({ kind: 'hold', text: oneLine('hold', text) });
}

export function filter(transport: string): FilterVerdict {
  if (typeof transport !== 'string' || !/^[^\s:]+:\S*$/.test(transport))
    throw new TypeError(
      `filter: expected a transport such as 'smtp:[127.0.0.1]:10025', got ${String(transport)}`,
    );
  return made({ kind: 'filter', text: transport });
}

/** A text that is one line for whoever is told. */
function oneLine(name: string, text: unknown): string {
  if (typeof text !== 'string' || text.length > 998 || /[\0\r\n]/.test(text))
    throw new TypeError(`${name}: expected one line of text`);
  return text;
}

/** An error of the author whose stack is where the verdict was made. */
export class VerdictError extends Error {
  constructor(message: string, origin: Error | undefined) {
    super(message);
    this.name = 'VerdictError';
    if (origin?.stack !== undefined) this.stack = origin.stack;
  }
}

/** What a handler's return value means in this phase; throws {@link VerdictError}. */
export function verdictOf(returned: unknown, phase: Phase): Verdict {
  if (returned === undefined || returned === null) return CONTINUE;
  const verdict = known(returned);
  if (verdict === undefined) {
    throw new VerdictError(
      `${phase} returned ${describe(returned)}: return nothing, or the result of accept(), reject(), tempfail() or another of the kind`,
      undefined,
    );
  }
  const why = misplaced(verdict, phase);
  if (why !== undefined) throw new VerdictError(why, origins.get(verdict));
  return verdict;
}

function known(value: unknown): Verdict | undefined {
  return typeof value === 'object' && value !== null && origins.has(value)
    ? (value as Verdict)
    : undefined;
}

function describe(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object') return 'an object that is no verdict';
  return `${typeof value} ${String(value).slice(0, 40)}`;
}
