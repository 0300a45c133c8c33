/** The phases that a filter may handle, and what may be answered in each. */

/** Phases of an SMTP session, in the order in which a session meets them. */
export const SMTP_PHASES = [
  'connect',
  'helo',
  'mail',
  'rcpt',
  'data',
  'unknown',
  'header',
  'eoh',
  'body',
  'eom',
  'abort',
  'close',
] as const;

/** A phase of an SMTP session. */
export type SmtpPhase = (typeof SMTP_PHASES)[number];

/** Phases of logins and of requests outside of the milter protocol. */
export const LOGIN_PHASES = ['auth', 'login', 'access', 'event'] as const;

export type LoginPhase = (typeof LOGIN_PHASES)[number];

/** Every name that a filter may export as a handler. */
export const PHASES = ['init', 'exit', ...SMTP_PHASES, ...LOGIN_PHASES] as const;

/** A name that a filter may export as a handler. */
export type Phase = (typeof PHASES)[number];

export function isSmtpPhase(phase: Phase): phase is SmtpPhase {
  return (SMTP_PHASES as readonly string[]).includes(phase);
}

export function isPhase(name: string): name is Phase {
  return (PHASES as readonly string[]).includes(name);
}

/** Phases that belong to one message: what is decided in them concerns that message. */
export const MESSAGE_PHASES = ['mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'] as const;

export function isMessagePhase(phase: Phase): boolean {
  return (MESSAGE_PHASES as readonly string[]).includes(phase);
}

/** Phases whose verdict is given at the end of the message: the MTA does not wait in them. */
export const DEFERRED_PHASES = ['header', 'eoh', 'body'] as const;

export function isDeferredPhase(phase: Phase): boolean {
  return (DEFERRED_PHASES as readonly string[]).includes(phase);
}
