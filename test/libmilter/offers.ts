/** What MTAs offer: Postfix and Sendmail of today, and what older ones did. */

import {
  SMFI_CURR_ACTS,
  SMFI_CURR_PROT,
  SMFI_V1_PROT,
  SMFI_V2_ACTS,
  SMFIP,
} from 'net-milter-codec';

export interface Offer {
  readonly version: number;
  /** SMFIF_* bits. */
  readonly actions: number;
  /** SMFIP_* bits. */
  readonly protocol: number;
}

/** The bits that say that nobody waits for a reply. */
export const NO_REPLY_BITS =
  SMFIP.NR_CONN |
  SMFIP.NR_HELO |
  SMFIP.NR_MAIL |
  SMFIP.NR_RCPT |
  SMFIP.NR_DATA |
  SMFIP.NR_UNKN |
  SMFIP.NR_HDR |
  SMFIP.NR_EOH |
  SMFIP.NR_BODY;

const V2_PROTOCOL = SMFI_V1_PROT | SMFIP.NOEOH;
const V3_PROTOCOL = V2_PROTOCOL | SMFIP.NOUNKNOWN;
const V4_PROTOCOL = V3_PROTOCOL | SMFIP.NODATA;

export const OFFERS = {
  /** Everything, as Postfix and Sendmail do since 2007. */
  v6: { version: 6, actions: SMFI_CURR_ACTS, protocol: SMFI_CURR_PROT },
  /** Each event is answered, and the MTA deals with the space before header values. */
  'v6 that waits': {
    version: 6,
    actions: SMFI_CURR_ACTS,
    protocol: SMFI_CURR_PROT & ~NO_REPLY_BITS & ~SMFIP.HDR_LEADSPC,
  },
  /** Postfix with milter_protocol = 4, 3 and 2. */
  v4: { version: 4, actions: SMFI_V2_ACTS, protocol: V4_PROTOCOL },
  v3: { version: 3, actions: SMFI_V2_ACTS, protocol: V3_PROTOCOL },
  v2: { version: 2, actions: SMFI_V2_ACTS, protocol: V2_PROTOCOL },
} as const satisfies Readonly<Record<string, Offer>>;

export type OfferName = keyof typeof OFFERS;

export const OFFER_NAMES = Object.keys(OFFERS) as OfferName[];
