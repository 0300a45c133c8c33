/** Gathers what mailparser finds in a message into what a filter gets. */

import type { AddressObject, EmailAddress, HeaderLines, Headers } from 'mailparser';
import {
  type AttachmentJson,
  beyond,
  type ParsedAddressJson,
  type ParsedMailboxJson,
  type ParsedMailJson,
  type ParsedMessage,
  type ParseLimits,
} from './limits.ts';
import { LimitedParser, parseErrorOf } from './parser.ts';

/** An attachment, as mailparser hands it over while it reads the message. */
interface AttachmentItem {
  readonly type: 'attachment';
  readonly content: NodeJS.ReadableStream;
  release(): void;
  readonly filename?: string;
  readonly contentType: string | false;
  readonly contentDisposition?: string;
  readonly contentId?: string;
  readonly related?: boolean;
  /** Known at the end of the content. */
  readonly size: number;
  readonly checksum: string;
}

interface TextItem {
  readonly type: 'text';
  readonly text?: string;
  readonly html?: string;
}

/** Parses one message. Rejects with ParseError. */
export function parseMessage(
  id: number,
  message: Uint8Array,
  limits: ParseLimits,
): Promise<ParsedMessage> {
  return new Promise((resolve, reject) => {
    const parser = new LimitedParser(limits);
    const found = new Found(limits);
    // More errors than the first may follow; nobody wants them.
    parser.on('error', (error) => {
      parser.destroy();
      reject(parseErrorOf(error, limits));
    });
    parser.once('headers', (headers: Headers) => found.takeHeaders(headers));
    parser.once('headerLines', (lines: HeaderLines) => found.takeDate(lines));
    parser.on('data', (item: AttachmentItem | TextItem) => {
      if (item.type === 'text') found.takeText(item);
      else found.takeAttachment(item);
    });
    parser.once('end', () => {
      try {
        resolve(found.message(id));
      } catch (error) {
        reject(parseErrorOf(error, limits));
      }
    });
    parser.end(message);
  });
}

class Found {
  readonly #limits: ParseLimits;
  readonly #attachments: AttachmentItem[] = [];
  readonly #contents: Uint8Array[] = [];
  readonly #ends: number[] = [];
  #length = 0;
  #headers: Headers = new Map();
  #date: number | undefined;
  #text: TextItem = { type: 'text' };

  constructor(limits: ParseLimits) {
    this.#limits = limits;
  }

  takeHeaders(headers: Headers): void {
    this.#headers = headers;
  }

  /** mailparser says "now" for a date that it cannot read. */
  takeDate(lines: HeaderLines): void {
    const last = lines.findLast(({ key }) => key === 'date')?.line;
    const date = Date.parse(last?.replace(/^[^:]*:/, '').replace(/\s+/g, ' ') ?? '');
    this.#date = Number.isNaN(date) ? undefined : date;
  }

  takeText(item: TextItem): void {
    this.#text = item;
  }

  takeAttachment(item: AttachmentItem): void {
    item.content.on('data', (chunk: Uint8Array) => {
      this.#contents.push(chunk);
      this.#length += chunk.length;
    });
    item.content.once('end', () => {
      this.#attachments.push(item);
      this.#ends.push(this.#length);
      item.release();
    });
  }

  message(id: number): ParsedMessage {
    const { text = '', html = '' } = this.#text;
    this.#checkText(text.length + html.length);
    const json = JSON.stringify(this.#mail(id, text, html));
    this.#checkText(json.length);
    const contents = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#contents) {
      contents.set(chunk, at);
      at += chunk.length;
    }
    return { json, contents: contents.buffer, ends: this.#ends };
  }

  #checkText(length: number): void {
    if (length > this.#limits.textLength)
      throw beyond(this.#limits, 'textLength', `has ${length} characters of text`);
  }

  #mail(id: number, text: string, html: string): ParsedMailJson {
    return {
      id,
      ...present('subject', this.#textOf('subject')),
      ...present('from', this.#addressesOf('from')),
      ...present('to', this.#addressesOf('to')),
      ...present('cc', this.#addressesOf('cc')),
      ...present('bcc', this.#addressesOf('bcc')),
      ...present('replyTo', this.#addressesOf('reply-to')),
      ...present('date', this.#date),
      ...present('messageId', this.#textOf('message-id')),
      ...present('inReplyTo', this.#textOf('in-reply-to')),
      ...present('references', this.#listOf('references')),
      ...present('text', text === '' ? undefined : text),
      ...present('html', html === '' ? undefined : html),
      attachments: this.#attachments.map(attachmentJson),
    };
  }

  /** Of headers that came more than once, the last, as mailparser does for those that it knows. */
  #textOf(name: string): string | undefined {
    return this.#listOf(name)?.at(-1);
  }

  #listOf(name: string): string[] | undefined {
    const value = this.#headers.get(name);
    const values = (Array.isArray(value) ? value : [value]).filter(
      (each): each is string => typeof each === 'string',
    );
    return values.length > 0 ? values : undefined;
  }

  /** Several headers of that name are one list. */
  #addressesOf(name: string): ParsedAddressJson | undefined {
    const found = this.#headers.get(name) as unknown as AddressObject | AddressObject[] | undefined;
    if (found === undefined) return undefined;
    const all = Array.isArray(found) ? found : [found];
    return {
      value: all.flatMap(({ value }) => value.map(mailboxJson)),
      text: all.map(({ text }) => text).join(', '),
    };
  }
}

function mailboxJson({ address, name, group }: EmailAddress): ParsedMailboxJson {
  return {
    ...present('address', address),
    name,
    ...present('group', group?.map(mailboxJson)),
  };
}

function attachmentJson(item: AttachmentItem): AttachmentJson {
  return {
    ...present('filename', item.filename),
    contentType: item.contentType || 'application/octet-stream',
    ...present('contentDisposition', item.contentDisposition),
    ...present('contentId', item.contentId),
    size: item.size,
    checksum: item.checksum,
    related: item.related === true,
  };
}

/** `{ [key]: value }`, or nothing when there is no value. */
function present<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { readonly [Name in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [Name in Key]: Value });
}
