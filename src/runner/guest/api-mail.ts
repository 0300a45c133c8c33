/** What `message.parse()` and `authenticate(message)` give: the types that authors see. */

/** A mailbox, or a named group of them (RFC 5322 section 3.4). */
export interface ParsedMailbox {
  /** `undefined` for a group; `''` where the header has a name and no address. */
  readonly address: string | undefined;
  /** Decoded (RFC 2047); `''` without one. */
  readonly name: string;
  /** The mailboxes of a group. */
  readonly group: readonly ParsedMailbox[] | undefined;
}

/** An address header; several headers of one name are one list. */
export interface ParsedAddress {
  readonly value: readonly ParsedMailbox[];
  /** All of them as one text. */
  readonly text: string;
}

/** A part of the message that is not its text. A message in the message is an attachment too. */
export interface Attachment {
  /** Decoded (RFC 2047, RFC 2231); as the sender gave it, with slashes and all. */
  readonly filename: string | undefined;
  /** Lower case, such as `image/png`; `application/octet-stream` becomes what the file name says. */
  readonly contentType: string;
  /** Lower case, `attachment` or `inline` or what the sender made up. */
  readonly contentDisposition: string | undefined;
  /** With its angle brackets. */
  readonly contentId: string | undefined;
  /** Bytes of the decoded content. */
  readonly size: number;
  /** SHA-256 of the decoded content, in hexadecimal. */
  readonly checksum: string;
  /** Whether it belongs to the HTML, such as an image in it (`multipart/related`). */
  readonly related: boolean;
  /**
   * The decoded content; it crosses into the filter's memory with this call and not before. Only
   * within the phase that parsed: later it rejects with `ERR_PARSE_OVER`.
   */
  content(): Promise<Uint8Array>;
}

/**
 * A message as mailparser reads it. What the message does not have is `undefined`: no text is made
 * out of HTML and no HTML out of text, and images stay `cid:` links.
 */
export interface ParsedMail {
  readonly subject: string | undefined;
  readonly from: ParsedAddress | undefined;
  readonly to: ParsedAddress | undefined;
  readonly cc: ParsedAddress | undefined;
  readonly bcc: ParsedAddress | undefined;
  readonly replyTo: ParsedAddress | undefined;
  /** `undefined` also when the header is there and is no date. */
  readonly date: Date | undefined;
  /** With its angle brackets, as the other ids. */
  readonly messageId: string | undefined;
  readonly inReplyTo: string | undefined;
  readonly references: readonly string[] | undefined;
  /** The text/plain parts, decoded, with LF line ends. */
  readonly text: string | undefined;
  /** The text/html parts, decoded, as the sender wrote them: not safe to show. */
  readonly html: string | undefined;
  readonly attachments: readonly Attachment[];
}

/** What came of a check (RFC 8601 section 2.7). */
export type AuthenticationResult = 'none' | 'pass' | 'fail' | 'temperror' | 'permerror';

export interface SpfResult {
  readonly result: AuthenticationResult | 'softfail' | 'neutral';
  /** The domain that was asked: the sender's, or with the null sender the one of HELO. */
  readonly domain: string | undefined;
  /** What the domain says about a `fail`; a text of a stranger. */
  readonly explanation: string | undefined;
}

export interface DkimResult {
  /** `policy`: the signature is right and too weak (a short key, SHA-1). */
  readonly result: AuthenticationResult | 'neutral' | 'policy';
  /** The domain that signed (`d=`). */
  readonly domain: string | undefined;
  /** The key (`s=`). */
  readonly selector: string | undefined;
  /** Such as `rsa-sha256` (`a=`). */
  readonly algorithm: string | undefined;
  /** Whether the domain is one that DMARC takes for that of From. */
  readonly aligned: boolean;
  /** Bytes at the end of the body that the signature leaves out (`l=`). */
  readonly unsignedBytes: number;
  /** Why it is not a `pass`. */
  readonly comment: string | undefined;
}

export interface DmarcResult {
  readonly result: AuthenticationResult;
  /** What the domain asks for; `undefined` without a record. */
  readonly policy: 'none' | 'quarantine' | 'reject' | undefined;
  /** The domain of From; `undefined` where there is not exactly one. */
  readonly domain: string | undefined;
  /** Whether SPF and DKIM speak for the domain of From. */
  readonly alignment: { readonly spf: boolean; readonly dkim: boolean };
}

export interface ArcResult {
  readonly result: 'none' | 'pass' | 'fail';
}

/** What SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 9989) and ARC (RFC 8617) say about a message. */
export interface AuthenticationResults {
  readonly spf: SpfResult;
  /** One a signature, in the order of the headers; empty without any. */
  readonly dkim: readonly DkimResult[];
  readonly dmarc: DmarcResult;
  readonly arc: ArcResult;
  /** For `headers.insert(0, 'Authentication-Results', results.header)` (RFC 8601). */
  readonly header: string;
}
