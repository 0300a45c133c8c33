/** Parses whole messages as a runner does, in threads of the test's process. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DEFAULT_PARSE_LIMITS,
  type ParsedMailJson,
  type ParseLimits,
} from '../../../src/runner/mime/limits.ts';
import { MessageParses } from '../../../src/runner/mime/message-parses.ts';

export function fixture(name: string): Buffer {
  return readFileSync(join(__dirname, '../../../fixtures/messages', name));
}

/** The headers as latin1, each with its CRLF, and the body. */
export function halves(message: Buffer): { headers: string; body: Buffer } {
  if (message.toString('latin1', 0, 2) === '\r\n')
    return { headers: '', body: message.subarray(2) };
  const at = message.indexOf('\r\n\r\n');
  return { headers: message.toString('latin1', 0, at + 2), body: message.subarray(at + 4) };
}

const open = new Set<MessageParses>();

/** Closed after the test, by {@link closeAll}. */
export function parses(limits: Partial<ParseLimits> = {}): MessageParses {
  const made = new MessageParses({ ...DEFAULT_PARSE_LIMITS, ...limits });
  open.add(made);
  return made;
}

export function closeAll(): void {
  for (const made of open) made.close();
  open.clear();
}

/** Parses a message for an event. */
export async function parse(
  into: MessageParses,
  message: Buffer,
  event = 1,
): Promise<ParsedMailJson> {
  const { headers, body } = halves(message);
  return JSON.parse(await into.parse(event, [headers, null], async () => body)) as ParsedMailJson;
}
