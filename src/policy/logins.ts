/**
 * Logins and access requests as plain data, the same whichever server asks. What is not
 * known is absent. `attributes` holds all that came, under the names that came.
 */

/** TLS between the client and the server that asks. */
export interface LoginTls {
  readonly version?: string;
  readonly cipher?: string;
  readonly bits?: number;
  /** Of the client's certificate. */
  readonly subject?: string;
  readonly issuer?: string;
  readonly serial?: string;
  readonly fingerprint?: string;
  /** `SUCCESS`, `NONE`, or `FAILED:` and why, as nginx says it. */
  readonly verify?: string;
  /** The client's certificate as PEM. */
  readonly certificate?: string;
}

/** JSON as it came. */
export type AttributeValue =
  | string
  | number
  | boolean
  | null
  | readonly AttributeValue[]
  | { readonly [name: string]: AttributeValue };

export type Attributes = { readonly [name: string]: AttributeValue };

/** A login that is being made: before its password is checked, and after. */
export interface LoginAttempt {
  readonly login: string;
  readonly client: { readonly address?: string };
  /** `imap`, `pop3`, `smtp` ... */
  readonly protocol: string;
  /** Several attempts of one connection share it. */
  readonly session?: string;
  readonly tls?: LoginTls;
  /** What the client calls itself (IMAP ID). */
  readonly device?: string;
  /** As Dovecot truncates it: tells wrong passwords apart, mostly. Never a password. */
  readonly passwordHash?: string;
  /** The password was right. Absent before it was checked. */
  readonly verified?: true;
  /** The how-manieth of this connection, as nginx counts. */
  readonly tries?: number;
  readonly attributes: Attributes;
}

export const LOGIN_FAILURES = [
  'credentials',
  'account',
  'policy',
  'expired',
  'disabled',
  'internal',
] as const;

/** Why a login failed, as far as the server tells. */
export type LoginFailure = (typeof LOGIN_FAILURES)[number];

/** A login that was made. */
export interface LoginOutcome extends Omit<LoginAttempt, 'verified'> {
  readonly success: boolean;
  readonly reason?: LoginFailure;
}

/** A request of Postfix's policy client, or of nginx where it asks for no login. */
export interface AccessRequest {
  /** `RCPT`, `END-OF-MESSAGE` ... */
  readonly state: string;
  readonly client: {
    readonly address?: string;
    readonly hostname?: string;
    readonly port?: number;
  };
  readonly helo?: string;
  /** `''` is the null sender. */
  readonly sender?: string;
  readonly recipient?: string;
  readonly recipientCount?: number;
  readonly queueId?: string;
  /** The same for all requests about one message. */
  readonly instance?: string;
  /** Bytes. */
  readonly size?: number;
  /** SMTP AUTH. */
  readonly auth?: { readonly type: string; readonly user?: string; readonly author?: string };
  readonly tls?: LoginTls;
  readonly attributes: Attributes;
}

/** Something that happened in Dovecot. */
export interface ServerEvent {
  /** `imap_command_finished`, `mail_user_session_finished` ... */
  readonly name: string;
  /** When it began and ended, as RFC 3339 texts. */
  readonly start?: string;
  readonly end?: string;
  readonly fields: Attributes;
}
