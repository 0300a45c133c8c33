/** Plays one message to a milter as an MTA would, and keeps what was answered. */

import { isIPv6 } from 'node:net';
import type { Reply } from 'net-milter-codec';
import type { ListenAddress } from '../milter/address.ts';
import { MACRO_STAGES } from '../policy/macros.ts';
import type { SmtpPhase } from '../policy/phases.ts';
import { MilterClient } from '../testing/milter-client.ts';
import type { ReadMessage } from './message-file.ts';

export interface Script {
  readonly from: string;
  readonly recipients: readonly string[];
  readonly client: string;
  readonly helo: string;
  readonly macros: Readonly<Record<string, string>>;
  readonly message: ReadMessage;
}

/** What the MTA heard: after the message's end, also what is to be changed. */
export interface PlayedReply {
  readonly phase: SmtpPhase;
  /** The recipient, in `rcpt`. */
  readonly about?: string;
  readonly reply: Reply;
  readonly modifications?: readonly Reply[];
}

const QUEUE_ID = 'TRY0000001';

export async function playMessage(
  address: ListenAddress,
  script: Script,
): Promise<readonly PlayedReply[]> {
  const client = await MilterClient.connect(address);
  const replies: PlayedReply[] = [];
  /** Notes the answer; `true` when it lets the message go on. */
  const goesOn = (phase: SmtpPhase, reply: Reply | undefined, about?: string): boolean => {
    if (reply) replies.push({ phase, reply, ...(about === undefined ? {} : { about }) });
    return reply === undefined || reply.kind === 'continue' || reply.kind === 'skip';
  };
  try {
    await client.negotiate();
    await play(client, script, goesOn, replies);
  } finally {
    await client.quit();
  }
  return replies;
}

async function play(
  client: MilterClient,
  { from, recipients, client: ip, helo, macros, message }: Script,
  goesOn: (phase: SmtpPhase, reply: Reply | undefined, about?: string) => boolean,
  replies: PlayedReply[],
): Promise<void> {
  const family = isIPv6(ip) ? 'inet6' : 'inet';
  client.macros('connect', { j: 'try.invalid', ...macros });
  if (
    !goesOn(
      'connect',
      await client.connectInfo({ hostname: `[${ip}]`, family, address: ip, port: 50_000 }),
    )
  )
    return;
  if (!goesOn('helo', await client.helo(helo))) return;
  client.macros('mail', { i: QUEUE_ID, ...macros });
  if (!goesOn('mail', await client.mail(from))) return;
  let accepted = 0;
  for (const recipient of recipients) {
    client.macros('rcpt', { i: QUEUE_ID, ...macros });
    const reply = await client.rcpt(recipient);
    if (goesOn('rcpt', reply, recipient)) accepted += 1;
    else if (reply?.kind === 'accept' || reply?.kind === 'discard') return;
  }
  if (accepted === 0) return;
  for (const stage of MACRO_STAGES.slice(MACRO_STAGES.indexOf('data')))
    client.macros(stage, { i: QUEUE_ID, ...macros });
  if (!goesOn('data', await client.data())) return;
  for (const { name, value } of message.headers)
    if (!goesOn('header', await client.header(name, value))) return;
  if (!goesOn('eoh', await client.eoh())) return;
  if (!goesOn('body', await client.body(message.body))) return;
  const { final, modifications } = await client.eom();
  replies.push({ phase: 'eom', reply: final, modifications });
}
