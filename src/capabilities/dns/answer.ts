/** What a message of the DNS says about its question: aliases followed, and how long it holds. */

import { isIPv4, isIPv6 } from 'node:net';
import type { DecodedPacket, Answer as PacketRecord } from 'dns-packet';
import { isHostName } from './name.ts';
import type { Answer, Question, RecordData, RecordType } from './records.ts';

/** Longer chains are loops, or meant to cost. */
const MAX_ALIASES = 16;

/** RFC 2181 section 8: a TTL with the highest bit set is 0. */
const MAX_TTL = 0x7fffffff;

export interface FoundAnswer {
  readonly answer: Answer;
  /** The smallest TTL of the chain, or that of the negative answer; 0: not to be kept. */
  readonly ttlSeconds: number;
}

/** `undefined`: the message is broken. */
export function findAnswer(
  question: Question,
  packet: DecodedPacket,
  isNoName: boolean,
): FoundAnswer | undefined {
  const records = (packet.answers ?? []).filter(isInternet);
  let owner = question.name;
  let ttl = MAX_TTL;
  for (let aliases = 0; aliases <= MAX_ALIASES; aliases += 1) {
    const owned = records.filter((record) => canonical(record.name) === owner);
    const wanted = owned.filter((record) => record.type === question.type);
    if (wanted.length > 0 && !isNoName) {
      const found = dataOf(wanted);
      if (!found) return undefined;
      const ttlSeconds = Math.min(ttl, ...wanted.map(ttlOf));
      // Records of which none is usable are as good as none.
      if (found.length === 0) return { answer: { kind: 'noData' }, ttlSeconds };
      return { answer: { kind: 'records', records: found }, ttlSeconds };
    }
    const alias = owned.find((record) => record.type === 'CNAME');
    if (alias?.type !== 'CNAME') return negative(packet, isNoName, ttl);
    ttl = Math.min(ttl, ttlOf(alias));
    owner = canonical(alias.data);
  }
  return undefined;
}

/** RFC 2308 section 5: the SOA says how long the absence of a record holds; without it, not at all. */
function negative(packet: DecodedPacket, isNoName: boolean, chainTtl: number): FoundAnswer {
  let ttlSeconds = 0;
  for (const record of packet.authorities ?? []) {
    if (record.type === 'SOA')
      ttlSeconds = Math.min(chainTtl, ttlOf(record), record.data.minimum ?? 0);
  }
  return { answer: { kind: isNoName ? 'noName' : 'noData' }, ttlSeconds };
}

/** The data of records of one type; `undefined` when one of them is broken. */
function dataOf(records: readonly PacketRecord[]): RecordData[RecordType][] | undefined {
  const found: RecordData[RecordType][] = [];
  for (const record of records) {
    switch (record.type) {
      case 'A':
        if (!isIPv4(record.data)) return undefined;
        found.push(record.data);
        break;
      case 'AAAA':
        if (!isIPv6(record.data)) return undefined;
        found.push(record.data);
        break;
      case 'MX': {
        const exchange = withoutDot(record.data.exchange);
        if (exchange === '' || isHostName(exchange))
          found.push({ exchange, priority: record.data.preference ?? 0 });
        break;
      }
      case 'TXT':
        // Copies: the strings are views into the whole message, which the cache would keep.
        found.push([record.data].flat().map((string) => Uint8Array.from(Buffer.from(string))));
        break;
      case 'PTR':
      case 'NS':
      case 'CNAME': {
        const name = withoutDot(record.data);
        if (isHostName(name)) found.push(name);
        break;
      }
      default:
        return undefined;
    }
  }
  return found;
}

function isInternet(record: PacketRecord): boolean {
  return record.type !== 'OPT' && (record.class ?? 'IN') === 'IN';
}

function ttlOf(record: PacketRecord): number {
  const ttl = record.type === 'OPT' ? 0 : (record.ttl ?? 0);
  return ttl > MAX_TTL ? 0 : ttl;
}

function canonical(name: string): string {
  return withoutDot(name).toLowerCase();
}

function withoutDot(name: string): string {
  return name.replace(/\.$/, '');
}
