/**
 * The answer to the MTA's offer (SMFIC_OPTNEG; libmilter's st_optionneg): only what was
 * offered is asked for, because Sendmail gives up a filter that asks for more. What was
 * not offered is made good by answering CONTINUE ourselves.
 */

import {
  type ReplyOf,
  SMFI_CURR_ACTS,
  SMFI_PROT_VERSION,
  SMFI_PROT_VERSION_MIN,
  SMFI_V1_ACTS,
  SMFI_V1_PROT,
  SMFIF,
  SMFIP,
} from 'net-milter-codec';
import { type BodyNeed, NEGOTIABLE_PHASES, type Needs, type NegotiablePhase } from './needs.ts';

export interface Offer {
  readonly version: number;
  /** SMFIF_* bits. */
  readonly actions: number;
  /** SMFIP_* bits. */
  readonly protocol: number;
}

/** How the commands of one phase are dealt with. */
export interface Deal {
  /** Filters or facts need it; otherwise it is answered and forgotten. */
  readonly handled: boolean;
  /** The MTA waits for a reply. */
  readonly replies: boolean;
  /** The reply is the filters' verdict; otherwise CONTINUE, at once. */
  readonly waits: boolean;
}

/** What both sides keep to from here on. */
export interface Agreement extends Offer {
  readonly phases: Readonly<Record<NegotiablePhase, Deal>>;
  readonly body: BodyNeed;
  /** SKIP is understood. */
  readonly skip: boolean;
  /** Header values carry their leading space, both ways. */
  readonly leadingSpace: boolean;
}

export type Negotiated =
  | { readonly ok: true; readonly reply: ReplyOf<'optneg'>; readonly agreement: Agreement }
  | { readonly ok: false; readonly reason: string };

/** The bit that switches a phase off, and the bit that says that nobody waits for a reply. */
const BITS: Readonly<Record<NegotiablePhase, { readonly no: number; readonly nr: number }>> = {
  connect: { no: SMFIP.NOCONNECT, nr: SMFIP.NR_CONN },
  helo: { no: SMFIP.NOHELO, nr: SMFIP.NR_HELO },
  mail: { no: SMFIP.NOMAIL, nr: SMFIP.NR_MAIL },
  rcpt: { no: SMFIP.NORCPT, nr: SMFIP.NR_RCPT },
  data: { no: SMFIP.NODATA, nr: SMFIP.NR_DATA },
  unknown: { no: SMFIP.NOUNKNOWN, nr: SMFIP.NR_UNKN },
  header: { no: SMFIP.NOHDRS, nr: SMFIP.NR_HDR },
  eoh: { no: SMFIP.NOEOH, nr: SMFIP.NR_EOH },
  body: { no: SMFIP.NOBODY, nr: SMFIP.NR_BODY },
};

/** What to answer to this offer, given what the filters need. */
export function negotiate(offer: Offer, needs: Needs): Negotiated {
  if (offer.version < SMFI_PROT_VERSION_MIN) {
    const reason = `expected protocol version ${SMFI_PROT_VERSION_MIN} or newer, got ${offer.version}`;
    return { ok: false, reason };
  }
  const version = Math.min(offer.version, SMFI_PROT_VERSION);
  // An offer of nothing means what version 1 had (libmilter's engine.c).
  const offeredActions = offer.actions === 0 ? SMFI_V1_ACTS : offer.actions;
  const offeredProtocol = offer.protocol === 0 ? SMFI_V1_PROT : offer.protocol;

  const macros = (offeredActions & SMFIF.SETSYMLIST) !== 0 ? needs.macros : undefined;
  const actions =
    (needs.modifies ? offeredActions & SMFI_CURR_ACTS & ~SMFIF.SETSYMLIST : 0) |
    (macros === undefined ? 0 : SMFIF.SETSYMLIST);

  const protocol = wantedProtocol(needs, offeredProtocol) & offeredProtocol;
  const phases = Object.fromEntries(
    NEGOTIABLE_PHASES.map((phase) => [phase, dealOf(phase, needs, protocol)]),
  ) as Record<NegotiablePhase, Deal>;
  return {
    ok: true,
    reply: { kind: 'optneg', version, actions, protocol, ...(macros && { macros }) },
    agreement: {
      version,
      actions,
      protocol,
      phases,
      body: needs.body,
      skip: (protocol & SMFIP.SKIP) !== 0,
      leadingSpace: (protocol & SMFIP.HDR_LEADSPC) !== 0,
    },
  };
}

function wantedProtocol(needs: Needs, offered: number): number {
  let bits = 0;
  for (const phase of NEGOTIABLE_PHASES) {
    // DATA is answered even if nobody needs it. Postfix sends the envelope and the content in
    // two pieces, the second when TCP has acknowledged the first (Nagle); with no reply to carry
    // that, our system acknowledges 40 ms later (delayed ACK): 40 ms for each message.
    if (phase === 'data') continue;
    const { no, nr } = BITS[phase];
    switch (needs.phases[phase]) {
      case 'answered':
        break;
      case 'told':
        bits |= nr;
        break;
      case 'off':
        // Older MTAs cannot be told to leave an event out, but perhaps not to wait for it.
        bits |= (offered & no) !== 0 ? no : nr;
        break;
      default:
        needs.phases[phase] satisfies never;
    }
  }
  if (needs.body.kind !== 'none') bits |= SMFIP.SKIP;
  if (needs.headers) bits |= SMFIP.HDR_LEADSPC;
  return bits;
}

function dealOf(phase: NegotiablePhase, needs: Needs, protocol: number): Deal {
  const need = needs.phases[phase];
  return {
    handled: need !== 'off',
    replies: (protocol & BITS[phase].nr) === 0,
    // A chunk of the body is answered, but never with the filters' verdict.
    waits: need === 'answered' && phase !== 'body',
  };
}
