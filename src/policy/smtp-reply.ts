/**
 * The text of an SMTP reply as a filter gives it, checked so that it can go to
 * any MTA as it is (RFC 5321 section 4.2, RFC 3463; libmilter's smfi_setmlreply).
 */

/** An SMTP reply: `550 5.7.1 text`, on one line or several. */
export interface SmtpReply {
  /** 400 to 599. */
  readonly code: number;
  /** RFC 3463 status such as `5.7.1`, of the same class as the code. */
  readonly enhanced?: string;
  /** At least one line, each without CR, LF and NUL. */
  readonly lines: readonly string[];
}

/** libmilter refuses longer replies (smfi_setmlreply: 32 lines of 980 bytes). */
export const MAX_REPLY_LINES = 32;
export const MAX_REPLY_LINE_BYTES = 980;

/** What a filter may pass to `reject` and `tempfail`. */
export type ReplyArguments =
  | readonly []
  | readonly [text: string]
  | readonly [code: number, enhanced: string, text: string | readonly string[]];

/** A reply that no MTA would send. */
export class ReplyError extends Error {
  readonly code = 'ERR_REPLY';
  constructor(message: string) {
    super(message);
    this.name = 'ReplyError';
  }
}

/**
 * The reply that these arguments of `reject` (class 5) or `tempfail` (class 4) mean;
 * `undefined` means the MTA's own text. Throws {@link ReplyError}.
 */
export function parseReply(args: ReplyArguments, replyClass: 4 | 5): SmtpReply | undefined {
  if (args.length === 0 || (args.length === 1 && args[0] === undefined)) return undefined;
  if (args.length === 1) return replyFromText(args[0], replyClass);
  const [code, enhanced, text] = args;
  return checked(code, enhanced, typeof text === 'string' ? [text] : text, replyClass);
}

const DEFAULT_CODE = { 4: 451, 5: 550 } as const;

function replyFromText(text: unknown, replyClass: 4 | 5): SmtpReply {
  if (typeof text !== 'string') {
    throw new ReplyError(`expected a text or (code, enhanced, text), got ${typeof text}`);
  }
  const match = /^([245]\.\d{1,3}\.\d{1,3})\s+(.*)$/s.exec(text);
  return match
    ? checked(DEFAULT_CODE[replyClass], match[1], [match[2] ?? ''], replyClass)
    : checked(DEFAULT_CODE[replyClass], undefined, [text], replyClass);
}

function checked(code: unknown, enhanced: unknown, lines: unknown, replyClass: 4 | 5): SmtpReply {
  if (
    typeof code !== 'number' ||
    !Number.isInteger(code) ||
    Math.floor(code / 100) !== replyClass
  ) {
    throw new ReplyError(
      `expected a reply code from ${replyClass}00 to ${replyClass}99, got ${code}`,
    );
  }
  // 421 5.x.x and the like never reach the client: MTAs drop replies whose classes differ.
  const status = enhanced === undefined || enhanced === '' ? undefined : String(enhanced);
  if (status !== undefined && !new RegExp(`^${replyClass}\\.\\d{1,3}\\.\\d{1,3}$`).test(status)) {
    throw new ReplyError(`expected an enhanced status such as ${replyClass}.7.1, got ${status}`);
  }
  if (!Array.isArray(lines) || lines.length === 0 || lines.length > MAX_REPLY_LINES) {
    throw new ReplyError(`expected 1 to ${MAX_REPLY_LINES} lines of text`);
  }
  for (const line of lines) checkLine(line);
  return { code, ...(status === undefined ? {} : { enhanced: status }), lines: [...lines] };
}

function checkLine(line: unknown): void {
  if (typeof line !== 'string') throw new ReplyError(`expected text, got ${typeof line}`);
  const control = /[\0\r\n]/.exec(line);
  if (control) {
    const name = { '\0': 'a NUL', '\r': 'a carriage return', '\n': 'a line break' }[control[0]];
    throw new ReplyError(
      `the text of a reply must not contain ${name}; for several lines pass a list`,
    );
  }
  // Characters beyond ASCII take up to 3 bytes per UTF-16 unit; only then count exactly.
  if (line.length * 3 > MAX_REPLY_LINE_BYTES && utf8Length(line) > MAX_REPLY_LINE_BYTES) {
    throw new ReplyError(`a line of a reply is longer than ${MAX_REPLY_LINE_BYTES} bytes`);
  }
}

/** Bytes of a text in UTF-8, without a Buffer: this file also runs in the sandbox. */
function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0)!;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return bytes;
}

/** `550 5.7.1 No` for logs. */
export function formatReply(reply: SmtpReply): string {
  const status = reply.enhanced === undefined ? '' : `${reply.enhanced} `;
  return `${reply.code} ${status}${reply.lines.join(' / ')}`;
}
