/** A whole SMTP session in one call. */

import { type Reply, SmtpClient, type XclientAttributes } from './smtp-client.ts';

/** What to send, and as whom. */
export type SendOptions = {
  readonly port: number;
  readonly from: string;
  readonly to: string | readonly string[];
  readonly message: string | Buffer;
  /** The name in EHLO. */
  readonly helo?: string;
  /** ESMTP parameters of MAIL. */
  readonly mailArgs?: readonly string[];
  /** ESMTP parameters of every RCPT. */
  readonly rcptArgs?: readonly string[];
  /** Sent after a first EHLO; the session that follows is the one in the transcript. */
  readonly xclient?: XclientAttributes;
  /** How long the server may take for a reply. */
  readonly timeoutMs?: number;
};

/** The reply in each phase. A phase that was not reached has none. */
export type Transcript = {
  readonly greeting: Reply;
  readonly ehlo: Reply | undefined;
  readonly mail: Reply | undefined;
  /** In the order of the recipients. */
  readonly rcpt: readonly Reply[];
  readonly data: Reply | undefined;
  /** The reply to the end of the message. */
  readonly end: Reply | undefined;
  /** None when the server ended the session with a 421. */
  readonly quit: Reply | undefined;
};

type Draft = { -readonly [phase in keyof Transcript]: Transcript[phase] };

/** Sends one message and tells what the server said. A refusal ends the session with QUIT. */
export async function send(options: SendOptions): Promise<Transcript> {
  const client = await SmtpClient.connect(options.port, { timeoutMs: options.timeoutMs });
  try {
    const greeting = options.xclient
      ? await greetingAs(client, options.xclient, options.helo)
      : client.greeting;
    const transcript: Draft = {
      greeting,
      ehlo: undefined,
      mail: undefined,
      rcpt: [],
      data: undefined,
      end: undefined,
      quit: undefined,
    };
    const last = await converse(client, transcript, options);
    // After a 421 nobody listens any more.
    if (last.code !== 421) transcript.quit = await client.quit();
    return transcript;
  } finally {
    client.destroy();
  }
}

async function greetingAs(
  client: SmtpClient,
  attributes: XclientAttributes,
  helo: string | undefined,
): Promise<Reply> {
  if (!isPositive(client.greeting)) return client.greeting;
  await client.ehlo(helo);
  return client.xclient(attributes);
}

/** Goes on as long as the server agrees; gives the last reply. */
async function converse(
  client: SmtpClient,
  transcript: Draft,
  { from, to, message, helo, mailArgs, rcptArgs }: SendOptions,
): Promise<Reply> {
  if (!isPositive(transcript.greeting)) return transcript.greeting;
  transcript.ehlo = await client.ehlo(helo);
  if (!isPositive(transcript.ehlo)) return transcript.ehlo;
  transcript.mail = await client.mail(from, mailArgs);
  if (!isPositive(transcript.mail)) return transcript.mail;

  const recipients: Reply[] = [];
  transcript.rcpt = recipients;
  for (const address of typeof to === 'string' ? [to] : to) {
    const reply = await client.rcpt(address, rcptArgs);
    recipients.push(reply);
    if (reply.code === 421) return reply;
  }
  if (!recipients.some(isPositive)) return recipients.at(-1) ?? transcript.mail;

  transcript.data = await client.command('DATA');
  if (transcript.data.code !== 354) return transcript.data;
  transcript.end = await client.content(message);
  return transcript.end;
}

function isPositive(reply: Reply): boolean {
  return reply.code >= 200 && reply.code < 300;
}
