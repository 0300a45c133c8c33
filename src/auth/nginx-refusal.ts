/** How a refusal reads in each protocol that nginx proxies. */

import type { SmtpReply } from '../policy/smtp-reply.ts';
import { wordsOf } from './text.ts';

export interface Refusal {
  readonly text: string;
  /** SMTP only. */
  readonly code?: string;
}

type RefusalKind = 'reject' | 'tempfail';

const WORDS = {
  reject: 'Invalid login or password',
  tempfail: 'Login is not possible now, try again later',
} as const;

/** Response codes: RFC 9051 for IMAP, RFC 3206 for POP3. nginx adds none. */
const CODES: Readonly<Record<string, Readonly<Record<RefusalKind, string>>>> = {
  imap: { reject: '[AUTHENTICATIONFAILED]', tempfail: '[UNAVAILABLE]' },
  pop3: { reject: '[AUTH]', tempfail: '[SYS/TEMP]' },
};

/** RFC 4954 section 6. */
const SMTP_AUTH_CODES = { reject: '535 5.7.8', tempfail: '454 4.7.0' } as const;

/** What a text alone means in `reject` and `tempfail`: right for mail, not for AUTH. */
const MAIL_CODES = { reject: 550, tempfail: 451 } as const;

/** A refused login. */
export function refusedLogin(
  kind: RefusalKind,
  reply: SmtpReply | undefined,
  protocol: string,
): Refusal {
  const words = wordsOf(reply) ?? WORDS[kind];
  if (protocol === 'smtp') {
    const [code = '', enhanced = ''] = SMTP_AUTH_CODES[kind].split(' ');
    const own = reply && reply.code !== MAIL_CODES[kind] ? String(reply.code) : code;
    return { text: words, code: `${own} ${reply?.enhanced ?? enhanced}` };
  }
  const mark = CODES[protocol]?.[kind];
  // A filter may give a code of its own: [LIMIT] Too many logins.
  const isMarked = mark === undefined || /^\[[A-Z][A-Z/-]*\] \S/.test(words);
  return { text: isMarked ? words : `${mark} ${words}` };
}

/** A refused message, where nginx asks for no login. */
export function refusedMessage(kind: RefusalKind, reply: SmtpReply | undefined): Refusal {
  const text = wordsOf(reply) ?? (kind === 'reject' ? 'Refused' : 'Try again later');
  const code = reply?.code ?? MAIL_CODES[kind];
  return { text, code: `${code} ${reply?.enhanced ?? (kind === 'reject' ? '5.7.1' : '4.7.1')}` };
}
