/** What MTAs do not do, or no more, and what becomes of it: how cases look, and first of all offers. */

import { SMFI_CURR_ACTS, SMFI_CURR_PROT, SMFIF, SMFIP } from 'net-milter-codec';
import type { DifferenceName } from './differences.ts';
import { OFFERS, type Offer } from './offers.ts';
import { ALL, type Plan, verdict } from './plan.ts';
import { connect, eom, helo, mail, rcpt, type Script } from './script.ts';

/** The codes of all replies in a row, and which handlers ran. */
export interface Answers {
  readonly replies: string;
  readonly heard: string;
}

export interface StrayCase {
  /** None: both do the same. */
  readonly difference?: DifferenceName;
  readonly what: string;
  readonly plan?: keyof typeof STRAY_PLANS;
  /** `null`: the session begins without OPTNEG. */
  readonly offer?: Offer | null;
  /** Before the script: what each side answers with one reply. It is waited for. */
  readonly first?: Script;
  readonly script: Script;
  /** Sent after the script as it is. */
  readonly bytes?: readonly number[];
  readonly libmilter: Answers;
  readonly postern?: Answers;
}

export const STRAY_PLANS = {
  all: { phases: ALL },
  quarantine: { phases: ['eom', 'close'], changes: [{ kind: 'quarantine', reason: 'odd' }] },
  'rejects mail': { phases: ALL, rules: [{ phase: 'mail', verdict: verdict('reject') }] },
  'accepts connect': { phases: ALL, rules: [{ phase: 'connect', verdict: verdict('accept') }] },
  'rcpt alone': { phases: ['rcpt', 'close'] },
} as const satisfies Readonly<Record<string, Plan>>;

/** Each event is answered, so that all replies can be counted. */
export const USUAL = OFFERS['v6 that waits'];

export const START: Script = [connect(), helo()];

export const answers = (replies: string, heard: string): Answers => ({ replies, heard });

export const OFFERS_THAT_FALL_SHORT: readonly StrayCase[] = [
  {
    difference: 'no session, no close',
    what: 'version 1',
    offer: { ...USUAL, version: 1 },
    script: [connect()],
    libmilter: answers('', 'close'),
    postern: answers('', ''),
  },
  {
    difference: 'works with what is offered',
    what: 'a change that the filter needs is not offered',
    plan: 'quarantine',
    offer: { ...USUAL, actions: SMFI_CURR_ACTS & ~SMFIF.QUARANTINE },
    script: [...START, mail(), rcpt(), eom],
    libmilter: answers('', 'close'),
    postern: answers('Occcct', 'eom close'),
  },
  {
    difference: 'works with what is offered',
    what: 'HELO cannot be switched off',
    plan: 'rcpt alone',
    offer: { ...USUAL, protocol: USUAL.protocol & ~SMFIP.NOHELO },
    script: [...START, mail(), rcpt()],
    libmilter: answers('', 'close'),
    postern: answers('Occcc', 'rcpt close'),
  },
  {
    what: 'larger packets (SMFIP_MDS_256K) are not taken up',
    offer: { ...OFFERS.v6, protocol: SMFI_CURR_PROT | 0x1000_0000 },
    script: [connect()],
    libmilter: answers('Oc', 'connect close'),
  },
];
