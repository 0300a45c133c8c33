/** DNS messages: a question as bytes, and what the bytes that came back say. */

import { randomInt } from 'node:crypto';
import { type DecodedPacket, decode, encode, RECURSION_DESIRED } from 'dns-packet';
import { type FoundAnswer, findAnswer } from './answer.ts';
import type { Question } from './records.ts';

/** What passes every network in one piece (DNS flag day 2020). */
const UDP_PAYLOAD_BYTES = 1232;

const HEADER_BYTES = 12;

/** RFC 1035 section 4.1.1: bits of the third and fourth byte. */
const RESPONSE = 0x8000; // QR
const TRUNCATED = 0x0200; // TC
const OPCODE = 0x7800;
const RCODE = 0x000f;

const RCODES: Readonly<Record<number, string>> = {
  1: 'FORMERR',
  2: 'SERVFAIL',
  3: 'NXDOMAIN',
  4: 'NOTIMP',
  5: 'REFUSED',
};

/** A question on its way. */
export interface Query {
  readonly question: Question;
  readonly id: number;
  readonly bytes: Buffer;
  /** The question as the answer must repeat it. */
  readonly asked: string;
}

/** What a datagram or a message of a stream means to a query. */
export type Reply =
  /** It answers something else: a late answer, or a forged one. */
  | { readonly kind: 'foreign' }
  /** To be asked again over TCP. */
  | { readonly kind: 'truncated' }
  /** The server does not understand the message, maybe for its EDNS. */
  | { readonly kind: 'notUnderstood'; readonly why: string }
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'answer'; readonly found: FoundAnswer; readonly bytes: number };

/** A query with a random id. Without EDNS for servers that know none (RFC 6891 section 7). */
export function makeQuery(question: Question, options: { readonly edns: boolean }): Query {
  const id = randomInt(0x10000);
  const bytes = encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ name: question.name, type: question.type, class: 'IN' }],
    additionals: options.edns
      ? [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize: UDP_PAYLOAD_BYTES,
            extendedRcode: 0,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ]
      : [],
  });
  // Root, type and class end the question: each label and its length byte, then 1 + 2 + 2.
  const questionBytes = question.name.length + 2 + 4;
  return { question, id, bytes, asked: folded(bytes, questionBytes) };
}

export function readReply(query: Query, bytes: Buffer): Reply {
  if (bytes.length < HEADER_BYTES || bytes.readUInt16BE(0) !== query.id) return { kind: 'foreign' };
  const flags = bytes.readUInt16BE(2);
  if ((flags & RESPONSE) === 0 || (flags & OPCODE) !== 0) return { kind: 'foreign' };
  const rcode = flags & RCODE;
  const why = RCODES[rcode] ?? `code ${rcode}`;
  const questions = bytes.readUInt16BE(4);
  // A server that does not understand a message may repeat nothing of it.
  const isRepeated = questions === 1 && folded(bytes, query.asked.length) === query.asked;
  if (!isRepeated && !(questions === 0 && rcode !== 0)) return { kind: 'foreign' };
  if (why === 'FORMERR' || why === 'NOTIMP') return { kind: 'notUnderstood', why };
  if (rcode !== 0 && why !== 'NXDOMAIN') return { kind: 'failed', why };
  if (!isRepeated) return { kind: 'foreign' };
  if ((flags & TRUNCATED) !== 0) return { kind: 'truncated' };
  return readAnswer(query.question, bytes, why === 'NXDOMAIN');
}

function readAnswer(question: Question, bytes: Buffer, isNoName: boolean): Reply {
  let packet: DecodedPacket;
  try {
    packet = decode(bytes);
  } catch {
    return { kind: 'failed', why: 'a broken answer' };
  }
  const found = findAnswer(question, packet, isNoName);
  if (!found) return { kind: 'failed', why: 'a broken answer' };
  return { kind: 'answer', found, bytes: bytes.length };
}

/** The question as text. Servers may change the case of letters; nothing else. */
function folded(message: Buffer, length: number): string {
  return message.toString('latin1', HEADER_BYTES, HEADER_BYTES + length).toLowerCase();
}
