/**
 * An MTA that plays a script to a filter and keeps to what was negotiated, as Postfix and
 * Sendmail do: events that the filter does not want are not sent, replies that it does not
 * give are not waited for, and after a final verdict nothing more of the message is sent.
 */

import { encodeCommand, SMFIP } from 'net-milter-codec';
import type { MtaConnection, Packet } from './mta-connection.ts';
import type { Offer } from './offers.ts';
import { type Script, type Step, titleOf } from './script.ts';

export type Fate =
  | { readonly is: 'answered'; readonly replies: readonly Packet[] }
  /** Sent; the filter has said that it does not answer, or never does. */
  | { readonly is: 'told' }
  /** The filter does not want it, or this version of the protocol does not know it. */
  | { readonly is: 'unwanted' }
  /** A verdict has ended the message or the connection. */
  | { readonly is: 'needless' }
  /** The filter closed the connection. */
  | { readonly is: 'lost' };

export interface PlayedStep {
  readonly step: Step;
  readonly title: string;
  readonly fate: Fate;
}

export interface Played {
  /** The reply to OPTNEG; `undefined` if the filter closed. */
  readonly negotiated: Packet | undefined;
  readonly steps: readonly PlayedStep[];
  /** SMFIP_* bits that were agreed. */
  readonly protocol: number;
  /** Packets that nobody waited for. */
  readonly rest: readonly Packet[];
}

type Kind = Step['kind'];

/** The bit that switches an event off, and the bit that says that nobody waits for a reply. */
export const EVENT_BITS = {
  connect: { no: SMFIP.NOCONNECT, nr: SMFIP.NR_CONN },
  helo: { no: SMFIP.NOHELO, nr: SMFIP.NR_HELO },
  mail: { no: SMFIP.NOMAIL, nr: SMFIP.NR_MAIL },
  rcpt: { no: SMFIP.NORCPT, nr: SMFIP.NR_RCPT },
  data: { no: SMFIP.NODATA, nr: SMFIP.NR_DATA },
  unknown: { no: SMFIP.NOUNKNOWN, nr: SMFIP.NR_UNKN },
  header: { no: SMFIP.NOHDRS, nr: SMFIP.NR_HDR },
  eoh: { no: SMFIP.NOEOH, nr: SMFIP.NR_EOH },
  body: { no: SMFIP.NOBODY, nr: SMFIP.NR_BODY },
} as const satisfies Partial<Record<Kind, { readonly no: number; readonly nr: number }>>;

export type EventPhase = keyof typeof EVENT_BITS;

const bitsOf = (kind: Kind) =>
  Object.hasOwn(EVENT_BITS, kind) ? EVENT_BITS[kind as EventPhase] : NONE;

const NONE = { no: 0, nr: 0 };

/** Since which version of the protocol a command exists. */
const SINCE: Partial<Record<Kind, number>> = { unknown: 3, data: 4, quitNc: 6 };

const NEVER_ANSWERED: readonly Kind[] = ['macro', 'abort', 'quit', 'quitNc', 'eof'];
const OF_A_MESSAGE: readonly Kind[] = ['rcpt', 'data', 'header', 'eoh', 'body', 'bodyeob'];
const BEFORE_MAIL: readonly Kind[] = ['connect', 'helo'];
/** SKIP is none, but libmilter sends it where a filter says so. */
const FINAL_CODES = 'cartdys';

export async function play(mta: MtaConnection, offer: Offer, script: Script): Promise<Played> {
  mta.send(encodeCommand({ kind: 'optneg', ...offer }));
  const negotiated = await mta.next();
  const protocol = protocolOf(negotiated);
  const dialogue = new Dialogue(mta, offer.version, protocol);
  const steps: PlayedStep[] = [];
  for (const step of script) {
    const fate: Fate = negotiated === undefined ? { is: 'lost' } : await dialogue.take(step);
    steps.push({ step, title: titleOf(step), fate });
  }
  dialogue.leave();
  return { negotiated, protocol, steps, rest: await mta.rest() };
}

/** The SMFIP_* bits of a reply to OPTNEG: code, version, actions, protocol. */
function protocolOf(negotiated: Packet | undefined): number {
  return negotiated === undefined ? 0 : Buffer.from(negotiated, 'latin1').readUInt32BE(9);
}

class Dialogue {
  readonly #mta: MtaConnection;
  readonly #version: number;
  readonly #protocol: number;
  #decided: 'nothing' | 'the body' | 'the message' | 'the connection' = 'nothing';
  #left = false;
  #lost = false;

  constructor(mta: MtaConnection, version: number, protocol: number) {
    this.#mta = mta;
    this.#version = version;
    this.#protocol = protocol;
  }

  async take(step: Step): Promise<Fate> {
    const { kind } = step;
    if (this.#lost) return { is: 'lost' };
    if ((SINCE[kind] ?? 0) > this.#version) return { is: 'unwanted' };
    if (this.#isNeedless(kind)) return { is: 'needless' };
    this.#begin(kind);
    const bits = bitsOf(kind);
    if ((this.#protocol & bits.no) !== 0) return { is: 'unwanted' };
    this.#send(step);
    if (NEVER_ANSWERED.includes(kind) || (this.#protocol & bits.nr) !== 0) return { is: 'told' };
    const replies = await this.#replies(kind);
    if (replies === undefined) {
      this.#lost = true;
      return { is: 'lost' };
    }
    this.#heed(kind, replies.at(-1)!);
    return { is: 'answered', replies };
  }

  /** QUIT, unless the script has said how it ends. */
  leave(): void {
    if (!this.#left) this.#send({ kind: 'quit' });
  }

  #isNeedless(kind: Kind): boolean {
    switch (this.#decided) {
      case 'the connection':
        return !['quit', 'quitNc', 'eof'].includes(kind);
      case 'the message':
        return OF_A_MESSAGE.includes(kind);
      case 'the body':
        return kind === 'body';
      default:
        return false;
    }
  }

  #begin(kind: Kind): void {
    if (['mail', 'abort', 'helo', 'quitNc'].includes(kind)) this.#decided = 'nothing';
  }

  #send(step: Step): void {
    if (step.kind === 'quit' || step.kind === 'eof') this.#left = true;
    if (step.kind === 'eof') this.#mta.end();
    else if (step.kind === 'header' && (this.#protocol & SMFIP.HDR_LEADSPC) === 0) {
      const value = step.value.startsWith(' ') ? step.value.slice(1) : step.value;
      this.#mta.send(encodeCommand({ ...step, value }));
    } else this.#mta.send(encodeCommand(step));
  }

  async #replies(kind: Kind): Promise<Packet[] | undefined> {
    const packets: Packet[] = [];
    for (;;) {
      const packet = await this.#mta.next();
      if (packet === undefined) return undefined;
      packets.push(packet);
      if (kind !== 'bodyeob' || FINAL_CODES.includes(packet.charAt(0))) return packets;
    }
  }

  #heed(kind: Kind, reply: Packet): void {
    const code = reply.charAt(0);
    if (code === 'c' || kind === 'unknown' || kind === 'bodyeob') return;
    if (BEFORE_MAIL.includes(kind)) this.#decided = 'the connection';
    else if (code === 's') this.#decided = 'the body';
    else if (kind !== 'rcpt' || code === 'a' || code === 'd') this.#decided = 'the message';
  }
}
