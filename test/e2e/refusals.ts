/** What a client hears of a refusal, where the MTAs differ. */

import type { MtaName } from '../harness/mta.ts';

/**
 * Sendmail puts the address of MAIL or RCPT before the text of these codes (fmtmsg in its
 * err.c); of several lines before the first. Postfix gives all texts as they are.
 */
const CODES_WITH_ADDRESS: Readonly<Record<MtaName, readonly number[]>> = {
  postfix: [],
  sendmail: [450, 550, 553],
};

/** The reply to MAIL or RCPT with this address, for which a filter gave this text. */
export function heard(mta: MtaName, address: string, reply: string): string {
  if (!CODES_WITH_ADDRESS[mta].includes(Number(reply.slice(0, 3)))) return reply;
  return reply.replace(/^(\d{3}[ -]\d\.\d\.\d )/, `$1<${address}>... `);
}

type Texts = Readonly<Record<'helo' | 'mail' | 'rcpt' | 'data' | 'eom', string>>;

const each = (text: string): Texts => ({
  helo: text,
  mail: text,
  rcpt: text,
  data: text,
  eom: text,
});

/** What the client hears where the filter leaves the text to the MTA. */
export const OWN_TEXTS: Readonly<
  Record<MtaName, { readonly reject: Texts; readonly tempfail: Texts }>
> = {
  postfix: {
    reject: each('550 5.7.1 Command rejected'),
    tempfail: each('451 4.7.1 Service unavailable - try again later'),
  },
  sendmail: {
    reject: {
      helo: '550 5.0.0 Command rejected',
      mail: '550 5.7.1 <sender@example.org>... Command rejected',
      rcpt: '550 5.7.1 <recipient@example.com>... Command rejected',
      data: '550 5.7.1 Command rejected',
      eom: '554 5.7.1 Command rejected',
    },
    tempfail: each('451 4.3.2 Please try again later'),
  },
};

/** The greeting, and the reply to MAIL if the client goes on all the same. */
type Refusal = { readonly greeting: RegExp; readonly mail: string };

/**
 * Of a verdict in connect the client hears the code alone in the greeting. Later Postfix repeats
 * the filter's text, and Sendmail has texts of its own.
 */
export const AT_CONNECT: Readonly<
  Record<MtaName, Readonly<Record<'refusing' | 'later', Refusal>>>
> = {
  postfix: {
    refusing: {
      greeting: /^554 mx\.postern\.test ESMTP not accepting connections$/,
      mail: '554 5.7.1 We do not talk',
    },
    later: { greeting: /^220 /, mail: '451 4.7.1 Not today' },
  },
  sendmail: {
    refusing: {
      greeting: /^554 mx\.postern\.test ESMTP not accepting messages$/,
      mail: '550 5.0.0 Command rejected',
    },
    later: { greeting: /^220 /, mail: '451 4.3.2 Please try again later' },
  },
};
