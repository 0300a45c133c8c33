/**
 * The text of a REPLYCODE packet, the SMTP reply in the filter's own words:
 *
 *     550-5.7.1 first line CRLF 550-5.7.1 second line CRLF 550 5.7.1 last line
 *
 * MTAs are strict here. Sendmail replaces a text that it does not like by a general one,
 * Postfix gives up on the filter for the rest of the SMTP session. So the rules of both,
 * and of libmilter's smfi_setmlreply, are checked before anything is sent.
 */

import { MilterCodecError } from './errors.ts';
import { MAX_REPLY_LINE_BYTES, MAX_REPLY_LINES } from './limits.ts';
import { decodeText, encodeText } from './text.ts';

/** An SMTP reply of class 4 or 5. */
export interface Replycode {
  /** 400 to 599. */
  readonly code: number;
  /** RFC 3463 status such as `5.7.1`, of the same class as the code. */
  readonly enhanced?: string;
  /** 1 to 32 lines of text (not wire bytes), each at most 980 bytes in UTF-8. */
  readonly lines: readonly string[];
}

const STATUS = /^[45]\.\d{1,3}\.\d{1,3}$/;
const LEADING_STATUS = /^([45]\.\d{1,3}\.\d{1,3})(?: |$)/;
const LINE = /^(\d{3})([ -])(.*)$/s;
const HEAD = /^[45]\d\d[ -]/;

/**
 * The wire text of a reply: the lines in UTF-8, '%' doubled since MTAs use the text as a
 * format. Throws `MilterCodecError` for what an MTA would refuse.
 */
export function formatReplycode(reply: Replycode): string {
  const { code, enhanced, lines } = reply;
  if (!Number.isInteger(code) || code < 400 || code > 599) {
    throw mistake('code', 'a number from 400 to 599', String(code));
  }
  if (enhanced !== undefined && !isStatusOf(code, enhanced)) {
    const expected = `a status such as ${Math.floor(code / 100)}.7.1`;
    throw mistake('enhanced', expected, JSON.stringify(enhanced));
  }
  if (lines.length < 1 || lines.length > MAX_REPLY_LINES) {
    throw mistake('lines', `1 to ${MAX_REPLY_LINES} lines`, String(lines.length));
  }
  const status = enhanced === undefined ? '' : `${enhanced} `;
  const last = lines.length - 1;
  return lines
    .map((line, index) => `${code}${index === last ? ' ' : '-'}${status}${wireLine(line)}`)
    .join('\r\n');
}

/**
 * What a REPLYCODE text says; for tests and tools, and as strict as the strictest MTA. A
 * status is taken out of the lines if all of them begin with the same. Throws
 * `MilterCodecError`.
 */
export function parseReplycode(text: string): Replycode {
  const parts = text.split('\r\n');
  if (parts.length > MAX_REPLY_LINES) {
    throw mistake('text', `at most ${MAX_REPLY_LINES} lines`, String(parts.length));
  }
  checkReplycodeHead(text);
  const digits = text.slice(0, 3);
  const last = parts.length - 1;
  const lines = parts.map((part, index) => unescaped(part, digits, index === last ? ' ' : '-'));
  const code = Number(digits);
  const enhanced = commonStatus(lines, code);
  const statusBytes = enhanced === undefined ? 0 : enhanced.length + 1;
  const texts = lines.map((line) => decodeText(checkedLength(line.slice(statusBytes))));
  return enhanced === undefined ? { code, lines: texts } : { code, enhanced, lines: texts };
}

/** Refuses a text that no MTA takes for a reply; the encoder's last look. */
export function checkReplycodeHead(text: string): void {
  if (HEAD.test(text)) return;
  const expected = 'a code from 400 to 599, then a space or -';
  throw mistake('text', expected, JSON.stringify(text.slice(0, 4)));
}

/** MTAs drop a status of another class, and Postfix the whole reply. */
function isStatusOf(code: number, status: string): boolean {
  return STATUS.test(status) && status[0] === String(code)[0];
}

function commonStatus(lines: readonly string[], code: number): string | undefined {
  const status = LEADING_STATUS.exec(lines[0] ?? '')?.[1];
  if (status === undefined || !isStatusOf(code, status)) return undefined;
  return lines.every((line) => LEADING_STATUS.exec(line)?.[1] === status) ? status : undefined;
}

function wireLine(line: string): string {
  checkLine(line);
  const bytes = checkedLength(encodeText(line));
  return bytes.includes('%') ? bytes.replaceAll('%', '%%') : bytes;
}

/** What follows code and separator, with each '%%' as '%'. */
function unescaped(part: string, digits: string, separator: string): string {
  const [, code, mark, bytes = ''] = LINE.exec(part) ?? [];
  if (code !== digits || mark !== separator) {
    const expected = `a line that starts with "${digits}${separator}"`;
    throw mistake('text', expected, JSON.stringify(part.slice(0, 4)));
  }
  checkLine(bytes);
  if (bytes.replaceAll('%%', '').includes('%'))
    throw mistake('text', "each '%' doubled", "a single '%'");
  return bytes.replaceAll('%%', '%');
}

/** Counted as the SMTP client sees the line: without code and status, '%' once. */
function checkedLength(bytes: string): string {
  if (bytes.length <= MAX_REPLY_LINE_BYTES) return bytes;
  throw mistake('lines', `at most ${MAX_REPLY_LINE_BYTES} bytes a line`, String(bytes.length));
}

function checkLine(line: string): void {
  for (const [character, name] of FORBIDDEN) {
    if (line.includes(character)) throw mistake('lines', 'a line of text', `one with ${name}`);
  }
}

const FORBIDDEN = [
  ['\0', 'a NUL'],
  ['\r', 'a carriage return'],
  ['\n', 'a line break'],
] as const;

function mistake(field: string, expected: string, got: string): MilterCodecError {
  const where = { packet: 'SMFIR_REPLYCODE', field, offset: 0 };
  return new MilterCodecError('ERR_MILTER_REPLYCODE', where, expected, got);
}
