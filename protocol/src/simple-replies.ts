/** Replies that are a code byte and nothing else: one table for both directions. */

import { SMFIR } from './codes.ts';
import type { SimpleReply } from './packets.ts';

/** The code of each simple reply. */
export const SIMPLE_REPLY_CODES: Readonly<Record<SimpleReply['kind'], number>> = {
  continue: SMFIR.CONTINUE,
  accept: SMFIR.ACCEPT,
  reject: SMFIR.REJECT,
  tempfail: SMFIR.TEMPFAIL,
  discard: SMFIR.DISCARD,
  skip: SMFIR.SKIP,
  progress: SMFIR.PROGRESS,
  shutdown: SMFIR.SHUTDOWN,
  connfail: SMFIR.CONN_FAIL,
};

const KINDS = Object.keys(SIMPLE_REPLY_CODES) as SimpleReply['kind'][];

const REPLIES: readonly (SimpleReply | undefined)[] = Array.from({ length: 256 }, (_, code) => {
  const kind = KINDS.find((each) => SIMPLE_REPLY_CODES[each] === code);
  return kind && Object.freeze<SimpleReply>({ kind });
});

const PACKETS: ReadonlyMap<string, Buffer> = new Map(
  KINDS.map((kind) => [kind, Buffer.of(0, 0, 0, 1, SIMPLE_REPLY_CODES[kind])]),
);

/** The simple reply with this code; the same object each time. */
export function simpleReply(code: number): SimpleReply | undefined {
  return REPLIES[code];
}

/** The whole packet of a simple reply, the same buffer each time; else `undefined`. */
export function simplePacket(kind: string): Buffer | undefined {
  return PACKETS.get(kind);
}
