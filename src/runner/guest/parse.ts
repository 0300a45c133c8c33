/** `message.parse()`: asks the runner, and makes of its answer what authors see. */

import type {
  AttachmentJson,
  ParsedAddressJson,
  ParsedMailboxJson,
  ParsedMailJson,
} from '../mime/limits.ts';
import type { Attachment, ParsedAddress, ParsedMail, ParsedMailbox } from './api-mail.ts';

/** Asks the host for something on behalf of the event that runs now. */
type Request = (operation: string, args: readonly unknown[]) => Promise<unknown>;

/** `headers` and `body` are latin1; without a body it is the one that came. */
export async function parseMail(
  request: Request,
  headers: string,
  body: string | undefined,
): Promise<ParsedMail> {
  const parsed = (await request('parse', [headers, body ?? null])) as ParsedMailJson;
  return {
    subject: parsed.subject,
    from: addressOf(parsed.from),
    to: addressOf(parsed.to),
    cc: addressOf(parsed.cc),
    bcc: addressOf(parsed.bcc),
    replyTo: addressOf(parsed.replyTo),
    date: parsed.date === undefined ? undefined : new Date(parsed.date),
    messageId: parsed.messageId,
    inReplyTo: parsed.inReplyTo,
    references: parsed.references,
    text: parsed.text,
    html: parsed.html,
    attachments: parsed.attachments.map((attachment, index) =>
      attachmentOf(attachment, () => request('attachment', [parsed.id, index])),
    ),
  };
}

function attachmentOf(json: AttachmentJson, ask: () => Promise<unknown>): Attachment {
  return {
    filename: json.filename,
    contentType: json.contentType,
    contentDisposition: json.contentDisposition,
    contentId: json.contentId,
    size: json.size,
    checksum: json.checksum,
    related: json.related,
    async content() {
      return (await ask()) as Uint8Array;
    },
  };
}

function addressOf(json: ParsedAddressJson | undefined): ParsedAddress | undefined {
  return json && { value: json.value.map(mailboxOf), text: json.text };
}

function mailboxOf({ address, name, group }: ParsedMailboxJson): ParsedMailbox {
  return { address, name, group: group?.map(mailboxOf) };
}
