/** What an `eom` handler may change in a message. Plain data, in the order in which it was asked for. */

/**
 * A header value on its way out: `text` is a JavaScript string that is RFC 2047-encoded
 * where it has to be; `bytes` is latin1, one character a byte, and goes out as it is.
 */
export type HeaderValue = { readonly text: string } | { readonly bytes: string };

export type Modification =
  /** At the end of the headers (libmilter: smfi_addheader). */
  | { readonly kind: 'addHeader'; readonly name: string; readonly value: HeaderValue }
  /** At a place: 0 above everything, 1 below the MTA's own Received, ... (smfi_insheader). */
  | {
      readonly kind: 'insertHeader';
      readonly index: number;
      readonly name: string;
      readonly value: HeaderValue;
    }
  /** Before or after the header with this id (see {@link HeaderList}). */
  | {
      readonly kind: 'insertHeaderBeside';
      readonly side: 'before' | 'after';
      readonly other: number;
      readonly name: string;
      readonly value: HeaderValue;
    }
  /** The `nth` header of that name, from 1 (smfi_chgheader). */
  | {
      readonly kind: 'changeHeader';
      readonly name: string;
      readonly nth: number;
      readonly value: HeaderValue;
    }
  /** Without `nth`: all headers of that name. */
  | { readonly kind: 'deleteHeader'; readonly name: string; readonly nth?: number }
  /** `args` are ESMTP parameters as on the wire: `['RET=HDRS', 'SMTPUTF8']`. */
  | { readonly kind: 'setSender'; readonly address: string; readonly args: readonly string[] }
  | { readonly kind: 'addRecipient'; readonly address: string; readonly args: readonly string[] }
  | { readonly kind: 'deleteRecipient'; readonly address: string }
  /** The new body as latin1, one character a byte, with CRLF line ends. */
  | { readonly kind: 'replaceBody'; readonly body: string }
  | { readonly kind: 'quarantine'; readonly reason: string };

export type ModificationKind = Modification['kind'];
