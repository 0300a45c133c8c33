/** A message as it reached the next hop. */

/** Somebody in the envelope. Addresses are read as UTF-8, which SMTPUTF8 allows. */
export type EnvelopeRecipient = {
  readonly address: string;
  /** ESMTP parameters such as `NOTIFY=NEVER`. */
  readonly args: readonly string[];
};

/** What the envelope of a message says. */
export type Envelope = {
  readonly sender: string;
  readonly senderArgs: readonly string[];
  readonly recipients: readonly EnvelopeRecipient[];
};

/** One header field. Both are latin1, one character a byte. */
export type HeaderField = {
  readonly name: string;
  /** Without one space after the colon; with its folds, as CRLF and white space. */
  readonly value: string;
};

/** Envelope and content. */
export class ReceivedMessage implements Envelope {
  readonly sender: string;
  readonly senderArgs: readonly string[];
  readonly recipients: readonly EnvelopeRecipient[];
  /** The content byte by byte, with CRLF line ends and without doubled dots. */
  readonly data: Buffer;

  constructor(envelope: Envelope, data: Buffer) {
    this.sender = envelope.sender;
    this.senderArgs = envelope.senderArgs;
    this.recipients = envelope.recipients;
    this.data = data;
  }

  /** All header fields in their order. */
  headers(): readonly HeaderField[] {
    const text = this.#split().header;
    // A line end that white space follows is a fold inside a field.
    const fields = text === '' ? [] : text.split(/\r\n(?![ \t])/);
    return fields.map((field) => {
      const colon = field.indexOf(':');
      if (colon < 0) throw new Error(`expected a header field, got ${JSON.stringify(field)}`);
      return { name: field.slice(0, colon), value: field.slice(colon + 1).replace(/^ /, '') };
    });
  }

  /** The value of the first field of that name, in any case. */
  header(name: string): string | undefined {
    const wanted = name.toLowerCase();
    return this.headers().find((field) => field.name.toLowerCase() === wanted)?.value;
  }

  /** What follows the empty line, as latin1, one character a byte. */
  body(): string {
    return this.#split().body;
  }

  #split(): { readonly header: string; readonly body: string } {
    const text = this.data.toString('latin1');
    if (text.startsWith('\r\n')) return { header: '', body: text.slice(2) };
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return { header: text.replace(/\r\n$/, ''), body: '' };
    return { header: text.slice(0, end), body: text.slice(end + 4) };
  }
}
