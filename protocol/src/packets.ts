/**
 * The vocabulary: what an MTA says (Command) and what a filter answers (Reply).
 *
 * Strings are wire strings: one character a byte (latin1), never with a NUL. `decodeText`
 * and `encodeText` lead to text and back. Chunks are Buffers; decoded ones are slices of
 * the memory that was pushed, not copies: copy what you keep for long, or it keeps the whole
 * chunk of the socket alive.
 */

/** Address family of an SMTP client: '4', '6', 'L' and 'U' on the wire. */
export type Family = 'inet' | 'inet6' | 'unix' | 'unknown';

/** A macro as the MTA sent it: `['i', '4Xq1']`, `['{auth_type}', 'PLAIN']`. */
export type MacroValue = readonly [name: string, value: string];

/** The macros that a filter wants at a stage (see `SMFIM`). */
export interface MacroList {
  readonly stage: number;
  /** Names as on the wire: `['i', '{auth_type}']`. An empty list asks for none. */
  readonly names: readonly string[];
}

/** From the MTA to the filter. Kinds are the C names (SMFIC_*) in camelCase. */
export type Command =
  /** The offer. All three are unsigned 32-bit numbers; see `SMFIF` and `SMFIP`. */
  | {
      readonly kind: 'optneg';
      readonly version: number;
      readonly actions: number;
      readonly protocol: number;
    }
  /** Macros for the command whose code is `command`, one character: `'C'`, `'M'`, ... */
  | { readonly kind: 'macro'; readonly command: string; readonly values: readonly MacroValue[] }
  /**
   * `address` is raw: Sendmail writes `IPv6:` before an IPv6 address (see `plainAddress`),
   * for unix it is a path. With family `unknown` the port is 0 and the address is ''.
   */
  | {
      readonly kind: 'connect';
      readonly hostname: string;
      readonly family: Family;
      readonly port: number;
      readonly address: string;
    }
  | { readonly kind: 'helo'; readonly name: string }
  /** `address` is raw, mostly in angle brackets; `args` are raw ESMTP parameters. */
  | { readonly kind: 'mail'; readonly address: string; readonly args: readonly string[] }
  | { readonly kind: 'rcpt'; readonly address: string; readonly args: readonly string[] }
  | { readonly kind: 'data' }
  /** Folds are LF or CRLF, and with HDR_LEADSPC the value keeps its leading space. */
  | { readonly kind: 'header'; readonly name: string; readonly value: string }
  | { readonly kind: 'eoh' }
  /** A piece of the body with CRLF line ends; the cut may be between CR and LF. */
  | { readonly kind: 'body'; readonly chunk: Buffer }
  /** End of message. libmilter allows a last piece of the body here; no known MTA sends one. */
  | { readonly kind: 'bodyeob'; readonly chunk?: Buffer }
  | { readonly kind: 'abort' }
  /** An SMTP command that the MTA does not know, the whole line. */
  | { readonly kind: 'unknown'; readonly command: string }
  | { readonly kind: 'quit' }
  | { readonly kind: 'quitNc' };

/** Replies that are a code byte and nothing else. */
export type SimpleReply =
  | { readonly kind: 'continue' }
  | { readonly kind: 'accept' }
  | { readonly kind: 'reject' }
  | { readonly kind: 'tempfail' }
  | { readonly kind: 'discard' }
  | { readonly kind: 'skip' }
  /** Not final: it restarts the MTA's timer. */
  | { readonly kind: 'progress' }
  /** Only between parts of an MTA; a filter should not send it. */
  | { readonly kind: 'shutdown' }
  /** No MTA handles it; a filter should not send it. */
  | { readonly kind: 'connfail' };

/** From the filter to the MTA. Kinds are the C names (SMFIR_*) in camelCase. */
export type Reply =
  | SimpleReply
  /** `550 5.7.1 text`, lines separated by CRLF, '%' doubled: see `formatReplycode`. */
  | { readonly kind: 'replycode'; readonly text: string }
  /** Values are folded with LF only: see `foldedHeaderValue`. */
  | { readonly kind: 'addheader'; readonly name: string; readonly value: string }
  /** `index` 0 is above everything, 1 below the MTA's own Received. */
  | {
      readonly kind: 'insheader';
      readonly index: number;
      readonly name: string;
      readonly value: string;
    }
  /** The `index`th header of that name, from 1. An empty value deletes it. */
  | {
      readonly kind: 'chgheader';
      readonly index: number;
      readonly name: string;
      readonly value: string;
    }
  /** A piece of the new body with CRLF line ends: see `splitBody`. */
  | { readonly kind: 'replbody'; readonly chunk: Buffer }
  | { readonly kind: 'addrcpt'; readonly address: string }
  /** `args` are ESMTP parameters separated by spaces; an empty string is never sent. */
  | { readonly kind: 'addrcptPar'; readonly address: string; readonly args?: string }
  /** Exactly the address of the RCPT command. */
  | { readonly kind: 'delrcpt'; readonly address: string }
  /** `<>` for the null sender. `args` as in `addrcptPar`. */
  | { readonly kind: 'chgfrom'; readonly address: string; readonly args?: string }
  | { readonly kind: 'quarantine'; readonly reason: string }
  /** `macros` only where SMFIF_SETSYMLIST was offered: some peers take 12 bytes and no more. */
  | {
      readonly kind: 'optneg';
      readonly version: number;
      readonly actions: number;
      readonly protocol: number;
      readonly macros?: readonly MacroList[];
    };

/** The command of one kind: `CommandOf<'header'>`. */
export type CommandOf<K extends Command['kind']> = Extract<Command, { readonly kind: K }>;

/** The reply of one kind: `ReplyOf<'addheader'>`. */
export type ReplyOf<K extends Reply['kind']> = Extract<Reply, { readonly kind: K }>;
