/**
 * Headers on their way to mailauth. What it does with them grows with the square of the number of
 * lines and of the names that a signature lists, so both have an end here.
 */

import { CapabilityFailure } from '../failure.ts';

/** Folds included; limits.headers is 2000 fields. */
const MAX_LINES = 5000;

/** RFC 6376 section 6.1 lets a verifier look at some of them only; forwarders sign on top. */
export const MAX_SIGNATURES = 10;

/** A list of 100 header names and a key of 4096 bits take less than 3 KB. */
const MAX_SIGNATURE_LENGTH = 8192;

const SIGNATURE = /^dkim-signature[ \t]*:/i;
const ARC_SIGNATURE = /^arc-(?:message-signature|seal)[ \t]*:/i;

/** The headers that are looked at, as latin1 with CRLF line ends. Throws {@link CapabilityFailure}. */
export function boundedHeaders(block: string): string {
  const lines = block.split('\r\n').length - 1;
  if (lines > MAX_LINES) {
    throw new CapabilityFailure(
      'ERR_AUTHENTICATE_LIMIT',
      `authenticate: the headers have ${lines} lines, more than the ${MAX_LINES} that are looked at`,
    );
  }
  let signatures = 0;
  return block
    .split(/(?<=\r\n)(?![ \t])/)
    .filter((field) => {
      const isSignature = SIGNATURE.test(field);
      if (!isSignature && !ARC_SIGNATURE.test(field)) return true;
      if (field.length > MAX_SIGNATURE_LENGTH) return false;
      if (isSignature) signatures += 1;
      return !isSignature || signatures <= MAX_SIGNATURES;
    })
    .join('');
}
