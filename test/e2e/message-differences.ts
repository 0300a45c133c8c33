/** What the MTAs make of the same changes of a message. */

import type { MtaName } from '../harness/mta.ts';

interface Differences {
  /** Where headers end up that the MTA makes if they are missing. */
  readonly missing: (added: readonly string[], others: readonly string[]) => readonly string[];
  /** What is left of headers that Sendmail deals with itself. */
  readonly kept: readonly string[];
  readonly addsRecipientWithUnknownArgs: boolean;
}

export const MESSAGE_DIFFERENCES: Readonly<Record<MtaName, Differences>> = {
  postfix: {
    missing: (added, others) => [...others, ...added],
    kept: ['Return-Path', 'Bcc', 'Content-Length', 'Full-Name', 'Resent-From'].map(
      (name) => `${name}: a@example.org`,
    ),
    // It logs a warning and ignores the arguments.
    addsRecipientWithUnknownArgs: true,
  },
  sendmail: {
    // They take the places of those that it would have made.
    missing: (added, others) => [...added, ...others],
    // H_ACHECK, H_BCC and H_RESENT in its conf.c
    kept: [],
    // It ignores the recipient.
    addsRecipientWithUnknownArgs: false,
  },
};
