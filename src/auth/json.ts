/** JSON of login servers, as attributes that filters may see. */

import type { Attributes, AttributeValue } from '../policy/logins.ts';
import { BadRequest } from './bad-request.ts';
import { decodeBytes } from './text.ts';

/** Deeper than anybody nests attributes, and shallow enough for every recursion. */
const MAX_DEPTH = 16;

/** Where people have been seen to send a password in the clear. */
const SECRET_NAME = /^(?:auth[_-]?)?pass(?:w(?:or)?d)?$/i;

/** The object that a body holds, without passwords; throws {@link BadRequest}. */
export function parseObject(body: Uint8Array): Attributes {
  let parsed: unknown;
  try {
    parsed = JSON.parse(decodeBytes(body));
  } catch {
    // What JSON.parse says would quote the body.
    throw new BadRequest(400, `expected a JSON object, got ${body.length} bytes that are no JSON`);
  }
  if (!isObject(parsed)) throw new BadRequest(400, 'expected a JSON object, got another value');
  return cleaned(parsed, 1) as Attributes;
}

/** Whether a value of {@link Attributes} is an object. */
export function isObject(value: unknown): value is Attributes {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A text, or `undefined` when it is none or empty. */
export function textOf(value: AttributeValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Booleans come as such, and from some releases as texts. */
export function isYes(value: AttributeValue | undefined): boolean {
  return typeof value === 'string'
    ? /^(?:true|yes|1)$/i.test(value)
    : value === true || value === 1;
}

function cleaned(value: unknown, depth: number): AttributeValue {
  if (typeof value !== 'object' || value === null) return value as AttributeValue;
  if (depth > MAX_DEPTH)
    throw new BadRequest(400, `expected attributes nested at most ${MAX_DEPTH} deep`);
  if (Array.isArray(value)) return value.map((each) => cleaned(each, depth + 1));
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !SECRET_NAME.test(name))
      .map(([name, each]) => [name, cleaned(each, depth + 1)]),
  );
}
