/** Values as people write them on a command line. */

import { KvError } from '../kv/errors.ts';
import type { KvValue } from '../kv/value.ts';

/** What can only be meant as JSON. */
const LOOKS_LIKE_JSON = /^\s*(?:[[{"]|-?\d|true\s*$|false\s*$|null\s*$)/;

/** JSON where it is, else a text as it stands; throws KvError for JSON that is broken. */
export function readValue(text: string): KvValue {
  try {
    return JSON.parse(text) as KvValue;
  } catch (error) {
    // An address such as 192.0.2.1 begins like a number and is a text all the same.
    if (!LOOKS_LIKE_JSON.test(text) || /^\s*-?\d/.test(text)) return text;
    const { message } = error as Error;
    throw new KvError(
      'ERR_KV_VALUE',
      `expected JSON or a text, got ${text}: ${message}; to set it as a text, quote it as JSON`,
    );
  }
}
