/**
 * How much a message may make of its parsing, what comes of it, and the errors. Shared by the
 * runner, the thread that parses and (types only) the guest library.
 */

/** What one parse of one message may cost. */
export interface ParseLimits {
  /** MIME parts, those of every depth together, multiparts too. */
  readonly parts: number;
  /** How deep multiparts may lie in each other; a message without any has depth 1. */
  readonly depth: number;
  /** Bytes of headers and body. */
  readonly bytes: number;
  /**
   * Characters of what the filter gets at once, as JSON: text, HTML, addresses, names of
   * attachments; not their contents.
   */
  readonly textLength: number;
  /** CPU time, more or less: from the moment at which a thread has the message. */
  readonly timeMs: number;
}

/**
 * However many messages of 16 MB come at once, a runner that parses them stays below the default of
 * limits.runnerMemory; who raises one raises the other, by twenty times as much. A filter reads a
 * result of 4 million characters within its CPU limit.
 */
export const DEFAULT_PARSE_LIMITS: ParseLimits = {
  parts: 1000,
  depth: 50,
  bytes: 16 * 1024 ** 2,
  textLength: 4 * 1024 ** 2,
  timeMs: 5000,
};

/** The limits' names in a configuration. */
const KEYS: Readonly<Record<keyof ParseLimits, string>> = {
  parts: 'limits.parseParts',
  depth: 'limits.parseDepth',
  bytes: 'limits.parseBytes',
  textLength: 'limits.parseText',
  timeMs: 'limits.parseTime',
};

export type ParseErrorCode =
  /** The message exceeds a limit. */
  | 'ERR_PARSE_LIMIT'
  /** The parser cannot make anything of it. */
  | 'ERR_PARSE'
  /** Its event is over, or never was. */
  | 'ERR_PARSE_OVER'
  /** What was asked for makes no sense. */
  | 'ERR_ARGUMENT';

/** A message that was not parsed, or what is left of it that is gone. */
export class ParseError extends Error {
  readonly code: ParseErrorCode;
  constructor(code: ParseErrorCode, message: string) {
    super(message);
    this.name = 'ParseError';
    this.code = code;
  }
}

/** The error of a message that exceeds a limit; `what` of it: `has 1001 parts`. */
export function beyond(limits: ParseLimits, limit: keyof ParseLimits, what: string): ParseError {
  const unit = limit === 'timeMs' ? ' ms' : '';
  return new ParseError(
    'ERR_PARSE_LIMIT',
    `parse: the message ${what}, more than ${KEYS[limit]} of ${limits[limit]}${unit}`,
  );
}

/** A mailbox, or a group of them (RFC 5322 section 3.4). */
export interface ParsedMailboxJson {
  readonly address?: string;
  readonly name: string;
  readonly group?: readonly ParsedMailboxJson[];
}

export interface ParsedAddressJson {
  readonly value: readonly ParsedMailboxJson[];
  readonly text: string;
}

export interface AttachmentJson {
  readonly filename?: string;
  readonly contentType: string;
  readonly contentDisposition?: string;
  readonly contentId?: string;
  readonly size: number;
  readonly checksum: string;
  readonly related: boolean;
}

/** A parsed message as it crosses into the isolate. */
export interface ParsedMailJson {
  /** What to ask for attachments with. */
  readonly id: number;
  readonly subject?: string;
  readonly from?: ParsedAddressJson;
  readonly to?: ParsedAddressJson;
  readonly cc?: ParsedAddressJson;
  readonly bcc?: ParsedAddressJson;
  readonly replyTo?: ParsedAddressJson;
  /** Milliseconds since 1970. */
  readonly date?: number;
  readonly messageId?: string;
  readonly inReplyTo?: string;
  readonly references?: readonly string[];
  readonly text?: string;
  readonly html?: string;
  readonly attachments: readonly AttachmentJson[];
}

/** A parsed message as the thread hands it over. */
export interface ParsedMessage {
  /** A {@link ParsedMailJson}. */
  readonly json: string;
  /** The contents of all attachments, one behind the other, and where each ends. */
  readonly contents: ArrayBuffer;
  readonly ends: readonly number[];
}

/** What the thread is told. */
export interface ThreadOrder {
  readonly id: number;
  readonly message: ArrayBuffer;
  readonly limits: ParseLimits;
}

/** What the thread says. */
export type ThreadAnswer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'parsed'; readonly parsed: ParsedMessage }
  | { readonly kind: 'failed'; readonly code: ParseErrorCode; readonly message: string };
