/**
 * A session as the SMTP client sees it through the MTA. An event that the filter does not want,
 * or does not answer, goes on as if it had said CONTINUE. From DATA on the client hears of one
 * verdict, at the end of the message: it is the same whether the filter gave it there or earlier.
 */

import { SMFIP } from 'net-milter-codec';
import type { Packet } from './mta-connection.ts';
import type { Fate, Played, PlayedStep } from './play.ts';

export interface Seen {
  /** The step; `#2` is added for the second of the same title. */
  readonly at: string;
  /** Packets as people read them: `h X-Name\\0 value\\0`. */
  readonly replies: readonly string[];
}

const CONTENT = ['header', 'eoh', 'body'];
const CLOSED = ['closed'];
const SILENT = ['macro', 'abort', 'quit', 'quitNc', 'eof'];

export function smtpView({ negotiated, protocol, steps, rest }: Played): readonly Seen[] {
  const seen: Seen[] = [];
  const counts = new Map<string, number>();
  const leadingSpace = (protocol & SMFIP.HDR_LEADSPC) !== 0;
  const shown = (packets: readonly Packet[]) =>
    packets.map((packet) => printed(asWritten(packet, leadingSpace)));
  let verdict: Packet | undefined;
  for (const played of steps) {
    const { kind } = played.step;
    if (kind === 'mail') verdict = undefined;
    if (SILENT.includes(kind)) continue;
    if (CONTENT.includes(kind)) {
      verdict ??= finalOf(played.fate);
      continue;
    }
    const count = (counts.get(played.title) ?? 0) + 1;
    counts.set(played.title, count);
    const at = count === 1 ? played.title : `${played.title} #${count}`;
    seen.push({ at, replies: shown(repliesOf(played, kind === 'bodyeob' ? verdict : undefined)) });
  }
  return [
    { at: 'negotiation', replies: negotiated === undefined ? CLOSED : [] },
    ...seen,
    { at: 'left over', replies: shown(rest) },
  ];
}

/** A header as the MTA will write it: without HDR_LEADSPC it puts a space before each value. */
function asWritten(packet: Packet, leadingSpace: boolean): Packet {
  const match = /^(h|[im][\s\S]{4})([^\0]+\0)([\s\S]*)\0$/.exec(packet);
  if (match === null || leadingSpace) return packet;
  const [, head, name, value] = match;
  const deletes = packet.startsWith('m') && value === '';
  return deletes ? packet : `${head}${name} ${value}\0`;
}

/** Code and data with a space between them, bytes that are not printable as escapes. */
export function printed(packet: Packet): string {
  const data = packet
    .slice(1)
    .replace(
      /[^\x20-\x7e]|\\/g,
      (c) => ESCAPES[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
    );
  return data === '' ? packet : `${packet.charAt(0)} ${data}`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\\': '\\\\',
};

/** A verdict that a content event was answered with. */
function finalOf(fate: Fate): Packet | undefined {
  if (fate.is !== 'answered') return undefined;
  const reply = fate.replies[0]!;
  return reply === 'c' || reply === 's' ? undefined : reply;
}

function repliesOf({ fate }: PlayedStep, verdict: Packet | undefined): readonly Packet[] {
  switch (fate.is) {
    case 'answered':
      return fate.replies;
    case 'told':
    case 'unwanted':
      return ['c'];
    case 'needless':
      return verdict === undefined ? [] : [verdict];
    case 'lost':
      return CLOSED;
    default:
      return fate satisfies never;
  }
}
