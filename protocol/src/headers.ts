/**
 * What ADDHEADER, INSHEADER and CHGHEADER can carry without breaking the message apart.
 * The encoder writes any bytes, for tests too; who builds headers from what others wrote
 * calls these first.
 */

import { MilterCodecError } from './errors.ts';

const FIELD_NAME = /^[!-9;-~]+$/; // RFC 5322 section 3.6.8: printable ASCII without the colon
const MISTAKE = /\0|\r(?!\n)|\n(?![ \t])/;

/** Whether this is a header's name as RFC 5322 has it. */
export function isHeaderName(name: string): boolean {
  return FIELD_NAME.test(name);
}

/**
 * The value with its folds as MTAs want them: LF, never CRLF, since Postfix and Sendmail put
 * the CR into the header. Throws {@link MilterCodecError} for a NUL, a CR that is not part
 * of CRLF, and for a line that does not start with space or tab: it would be a new header.
 */
export function foldedHeaderValue(value: string): string {
  const folded = value.includes('\r\n') ? value.replaceAll('\r\n', '\n') : value;
  const mistake = MISTAKE.exec(folded);
  if (mistake === null) return folded;
  throw new MilterCodecError(
    'ERR_MILTER_HEADER_VALUE',
    { packet: 'header', field: 'value', offset: mistake.index },
    'text whose continuation lines start with a space or a tab',
    { '\0': 'a NUL', '\r': 'a bare carriage return', '\n': 'a line break without one' }[
      mistake[0]
    ] ?? mistake[0],
  );
}
