/**
 * What `import { ... } from 'postern'` gives to a filter: the types that authors see.
 * The values are in the other files of this folder; they run inside the isolate.
 */

import type { Duration } from '../../config/units.ts';
import type {
  AccessRequest,
  LoginAttempt,
  LoginOutcome,
  ServerEvent,
} from '../../policy/logins.ts';
import type { ReplyArguments } from '../../policy/smtp-reply.ts';
import type { Kv } from './api-kv.ts';
import type { Dns, Hash, Http, Net } from './api-network.ts';

export type * from '../../policy/logins.ts';
export type * from './api-kv.ts';
export type * from './api-mail.ts';
export type * from './api-network.ts';

import type { AuthenticationResults, ParsedMail } from './api-mail.ts';

/** What a handler may return; made by {@link accept}, {@link reject} and the others. Nothing means: continue. */
export interface FilterVerdict {
  readonly kind:
    | 'accept'
    | 'reject'
    | 'tempfail'
    | 'discard'
    | 'skip'
    | 'delay'
    | 'route'
    | 'prepend'
    | 'redirect'
    | 'hold'
    | 'filter';
}

/** What a handler returns. */
// biome-ignore-start lint/suspicious/noConfusingVoidType: a handler that returns nothing is the usual one
export type HandlerResult =
  | FilterVerdict
  | undefined
  | void
  | Promise<FilterVerdict | undefined | void>;
// biome-ignore-end lint/suspicious/noConfusingVoidType: see above

/** ESMTP parameters of MAIL or RCPT: `{ SIZE: '1234', SMTPUTF8: true }`. */
export type EsmtpArgs = Readonly<Record<string, string | true>>;

export interface Sender {
  /** Without `<>`; `''` is the null sender. */
  readonly address: string;
  readonly args: EsmtpArgs;
}

export interface Recipient {
  /** Without `<>`. */
  readonly address: string;
  readonly args: EsmtpArgs;
}

export interface Client {
  readonly address: string | undefined;
  readonly port: number | undefined;
  readonly hostname: string | undefined;
  readonly family: 'inet' | 'inet6' | 'unix' | 'unknown';
}

export interface Tls {
  readonly version: string;
  readonly cipher: string | undefined;
  readonly bits: number | undefined;
  readonly subject: string | undefined;
  readonly issuer: string | undefined;
}

export interface SmtpAuth {
  readonly type: string;
  readonly user: string | undefined;
  readonly author: string | undefined;
}

/** One SMTP connection. What is not known yet is `undefined`, never an empty string. */
export interface Session {
  readonly id: string;
  /** The phase that runs now. */
  readonly phase: string;
  readonly client: Client;
  readonly helo: string | undefined;
  readonly tls: Tls | undefined;
  /** SMTP AUTH, after it succeeded. */
  readonly auth: SmtpAuth | undefined;
  readonly daemon: {
    readonly name: string | undefined;
    readonly address: string | undefined;
    readonly port: number | undefined;
  };
  /** The MTA's own name. */
  readonly hostname: string | undefined;
  /** An MTA macro, with or without braces; the latest stage that set it wins. */
  macro(name: string): string | undefined;
  /** Kept by this filter for the connection; JSON values only. */
  readonly state: Record<string, unknown>;
  /** From `mail` on. */
  readonly message: Message | undefined;
}

export interface Header {
  readonly name: string;
  /** The value as text, folds as they are, without the one leading space. */
  readonly value: string;
  /** Unfolded and RFC 2047-decoded. */
  readonly text: string;
  /** The bytes of the value as they came. */
  readonly raw: Uint8Array;
}

/** The headers of a message. Names are compared without case; changes are for `eom` only. */
export interface Headers extends Iterable<Header> {
  /** The text of the first header of that name. */
  get(name: string): string | undefined;
  getAll(name: string): string[];
  has(name: string): boolean;
  /** At the end of the headers. */
  add(name: string, value: string | Uint8Array): void;
  /** 0: above everything; 1: below the MTA's own Received; k: above the k-th header that you see. */
  insert(index: number, name: string, value: string | Uint8Array): void;
  /** `other`: a name, meaning its first, or a header of the iteration. */
  insertBefore(other: string | Header, name: string, value: string | Uint8Array): void;
  insertAfter(other: string | Header, name: string, value: string | Uint8Array): void;
  /** The `nth` header of that name, from 1; added when it is not there. */
  change(name: string, value: string | Uint8Array, nth?: number): void;
  /** Without `nth`: all headers of that name. */
  delete(name: string, nth?: number): void;
}

export interface Message {
  /** The MTA's queue id; Postfix knows it from the first accepted recipient on. */
  readonly queueId: string | undefined;
  readonly sender: Sender;
  /** Those that were accepted so far. */
  readonly recipients: readonly Recipient[];
  /** Complete from `eoh` on. */
  readonly headers: Headers;
  /** Bytes of headers and body as they came; known in `eom`. */
  readonly size: number | undefined;
  /** Kept by this filter for this message only; JSON values only. */
  readonly state: Record<string, unknown>;
  /** The raw body. */
  body(): Promise<Uint8Array>;
  /** The whole message: headers, an empty line, the body. */
  raw(): Promise<Uint8Array>;
  /** Read by mailparser, changes of earlier filters included. Rejects with `ERR_PARSE` or `ERR_PARSE_LIMIT`. */
  parse(): Promise<ParsedMail>;
  setSender(address: string, args?: EsmtpArgs): void;
  addRecipient(address: string, args?: EsmtpArgs): void;
  deleteRecipient(address: string): void;
  /** A text gets CRLF line ends; bytes go out as they are. */
  replaceBody(body: string | Uint8Array): void;
  quarantine(reason: string): void;
  /** Tells the MTA that this takes a while; also sent by itself. */
  progress(): void;
}

export interface Log {
  debug(text: string, fields?: Readonly<Record<string, unknown>>): void;
  info(text: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(text: string, fields?: Readonly<Record<string, unknown>>): void;
  error(text: string, fields?: Readonly<Record<string, unknown>>): void;
}

export interface Metrics {
  /**
   * Adds to a counter of the server's metrics, `postern_filter_NAME_total`. Labels are for few
   * values: at most 1000 combinations for each counter.
   */
  count(name: string, by?: number, labels?: Readonly<Record<string, string>>): Promise<void>;
}

/** Everything that a filter may import from `postern`. */
export interface PosternModule {
  /** This filter is satisfied with the message (in connect, helo: the connection); `all`: so are all others. */
  accept(options?: { readonly all?: boolean }): FilterVerdict;
  /** No argument: the MTA's own text. A text: code 550. Or code, enhanced status, text or lines. */
  reject(...reply: ReplyArguments): FilterVerdict;
  /** As `reject`; a text alone has code 451. */
  tempfail(...reply: ReplyArguments): FilterVerdict;
  /** Take the message and drop it silently. */
  discard(): FilterVerdict;
  /** From `body`: send me no more of it. */
  skip(): FilterVerdict;
  /** Answer later. */
  delay(seconds: number, verdict?: FilterVerdict): FilterVerdict;
  /** From `auth`: the back end that nginx is to use, by its IP address; `user`: the login there. */
  route(host: string, port: number, user?: string): FilterVerdict;
  /** From `access`: a header for the message, `'X-Policy: seen'`. */
  prepend(header: string): FilterVerdict;
  /** From `access`: the message goes to this address instead of its recipients. */
  redirect(address: string): FilterVerdict;
  /** From `access`: the message waits in Postfix's hold queue. */
  hold(text?: string): FilterVerdict;
  /** From `access`: the message goes through a content filter, `'smtp:[127.0.0.1]:10025'`. */
  filter(transport: string): FilterVerdict;
  readonly kv: Kv;
  readonly log: Log;
  readonly dns: Dns;
  readonly http: Http;
  readonly net: Net;
  readonly hash: Hash;
  readonly metrics: Metrics;
  /** SPF, DKIM, DMARC and ARC of the message as the MTA gave it. */
  authenticate(message: Message): Promise<AuthenticationResults>;
  /** Milliseconds, or `'2s'`. Nobody else waits. */
  sleep(duration: Duration): Promise<void>;
  /** What the configuration gives this filter. */
  // biome-ignore lint/suspicious/noExplicitAny: the configuration's own shape, which only the author knows
  readonly settings: any;
}

/** What a filter may export as handlers, for those who check filters. */
export interface FilterHandlers {
  init(): HandlerResult;
  exit(): HandlerResult;
  connect(session: Session): HandlerResult;
  helo(session: Session): HandlerResult;
  mail(session: Session): HandlerResult;
  rcpt(session: Session, recipient: Recipient): HandlerResult;
  data(session: Session): HandlerResult;
  unknown(session: Session, command: string): HandlerResult;
  header(session: Session, header: Header): HandlerResult;
  eoh(session: Session): HandlerResult;
  body(session: Session, chunk: Uint8Array): HandlerResult;
  eom(session: Session, message: Message): HandlerResult;
  abort(session: Session): HandlerResult;
  close(session: Session): HandlerResult;
  auth(attempt: LoginAttempt): HandlerResult;
  login(outcome: LoginOutcome): HandlerResult;
  access(request: AccessRequest): HandlerResult;
  event(event: ServerEvent): HandlerResult;
}
