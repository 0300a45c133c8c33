/** A message to try filters on: headers and body as an MTA would send them. */

import { readFileSync } from 'node:fs';

/** A message that cannot be read. */
export class MessageFileError extends Error {
  readonly code = 'ERR_MESSAGE_FILE';
  constructor(message: string) {
    super(message);
    this.name = 'MessageFileError';
  }
}

/** Texts are latin1, one character a byte. */
export interface ReadMessage {
  /** Values without the space after the colon, folds with LF as MTAs send them. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly body: Buffer;
}

const SAMPLE = [
  'From: Sender <sender@example.org>',
  'To: recipient@example.com',
  'Subject: A message to try filters on',
  '',
  'Hello.',
  '',
];

/** Reads an .eml file (LF or CRLF); without a file, a small sample. */
export function readMessage(file?: string): ReadMessage {
  return parseMessage(file === undefined ? SAMPLE.join('\r\n') : read(file), file ?? 'the sample');
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    throw new MessageFileError(`${file}: cannot read the message: ${(error as Error).message}`);
  }
}

function parseMessage(text: string, file: string): ReadMessage {
  const lines = text.split(/\r?\n/);
  const headers: { name: string; value: string }[] = [];
  let at = 0;
  for (; at < lines.length && lines[at] !== ''; at += 1) {
    const line = lines[at]!;
    const last = headers.at(-1);
    if (/^[ \t]/.test(line) && last) {
      last.value += `\n${line}`;
      continue;
    }
    const header = /^([!-9;-~]+):(.*)$/s.exec(line);
    if (!header)
      throw new MessageFileError(
        `${file}:${at + 1}: expected a header such as "Subject: hello", got ${JSON.stringify(line.slice(0, 60))}`,
      );
    headers.push({ name: header[1]!, value: header[2]!.replace(/^ /, '') });
  }
  return { headers, body: Buffer.from(lines.slice(at + 1).join('\r\n'), 'latin1') };
}
