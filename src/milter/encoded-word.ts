/** Text outside ASCII in header values: RFC 2047 encoded words, both ways. */

import { decodeText, encodeText } from 'net-milter-codec';

/** `=?charset*language?encoding?data?=`; the language is RFC 2231's, and dropped. */
const ENCODED_WORD = /=\?([^?\s*]+)(?:\*[^?\s]*)?\?([BbQq])\?([^?\r\n]*)\?=/g;

/** A run of encoded words in one charset: one of their characters may be cut in two. */
interface Run {
  readonly charset: string;
  readonly words: string[];
  readonly bytes: Buffer[];
}

/**
 * Charsets that nobody knows are tried this often in one message: each attempt costs an
 * exception, and a message may have room for a hundred thousand.
 */
const UNKNOWN_CHARSETS = 20;

/** How many more unknown charsets a message may try. */
export interface CharsetBudget {
  unknown: number;
}

export function charsetBudget(): CharsetBudget {
  return { unknown: UNKNOWN_CHARSETS };
}

/** Whether a value may contain an encoded word. */
export function hasEncodedWords(raw: string): boolean {
  return raw.includes('=?');
}

/**
 * The text of a header value (latin1, as it came): unfolded, without the one leading space,
 * encoded words decoded. Those that cannot be decoded stay as they are.
 */
export function decodeWords(raw: string, budget = charsetBudget()): string {
  const value = unfolded(raw.startsWith(' ') ? raw.slice(1) : raw);
  let text = '';
  let run: Run | undefined;
  let at = 0;
  const endRun = () => {
    if (run) text += decodedRun(run, budget);
    run = undefined;
  };
  for (const match of value.matchAll(ENCODED_WORD)) {
    const [word, charset, encoding, data] = match;
    const between = value.slice(at, match.index);
    const follows = run !== undefined && /^[ \t]*$/.test(between);
    // White space between two encoded words is not part of the text (RFC 2047 section 6.2).
    if (!follows) {
      endRun();
      text += decodeText(between);
    } else if (run?.charset !== charset!.toLowerCase()) {
      endRun();
    }
    run ??= { charset: charset!.toLowerCase(), words: [], bytes: [] };
    run.words.push(word);
    run.bytes.push(/[Bb]/.test(encoding!) ? Buffer.from(data!, 'base64') : quotedBytes(data!));
    at = match.index + word.length;
  }
  endRun();
  return text + decodeText(value.slice(at));
}

/** Without the line breaks of folding; the white space after them stays (RFC 5322 section 2.2.3). */
function unfolded(value: string): string {
  return value.includes('\n') ? value.replace(/\r?\n(?=[ \t])/g, '') : value;
}

function decodedRun({ charset, words, bytes }: Run, budget: CharsetBudget): string {
  if (budget.unknown > 0) {
    try {
      return new TextDecoder(charset).decode(Buffer.concat(bytes));
    } catch {
      budget.unknown -= 1;
    }
  }
  return decodeText(words.join(' '));
}

function quotedBytes(data: string): Buffer {
  const latin1 = data
    .replaceAll('_', ' ')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  return Buffer.from(latin1, 'latin1');
}

const MAX_ENCODED_WORD = 75; // RFC 2047 section 2
const ROOM = MAX_ENCODED_WORD - '=?UTF-8?B??='.length;

const WHITE_SPACE = /[ \t\r\n]*/y;
const QUOTED = /"(?:[^"\\]|\\.)*"/sy;
const UNQUOTED = /[^ \t\r\n"]+/y;
const NEEDS_ENCODING = /[^\t\n\r\x20-\x7e]|=\?/;

/**
 * A header value (latin1, folded with LF) for a text: words outside ASCII become encoded
 * words in UTF-8, the others stay, so that addresses beside names remain readable.
 */
export function encodeWords(text: string): string {
  if (!NEEDS_ENCODING.test(text)) return text;
  const parts = wordsOf(text);
  let value = '';
  for (let index = 0; index < parts.length; index += 1) {
    const part = parts[index]!;
    if (index % 2 === 0 || !NEEDS_ENCODING.test(part)) {
      value += part;
      continue;
    }
    // The white space between two words that are both encoded has to be encoded with them.
    let run = part;
    while (index + 2 < parts.length && NEEDS_ENCODING.test(parts[index + 2]!)) {
      run += parts[index + 1]! + parts[index + 2]!;
      index += 2;
    }
    value += encodedRun(unfolded(run));
  }
  return value;
}

/**
 * White space at even indexes and words at odd ones; a quoted string is part of one word. By
 * hand, because a regular expression would look for the end of each quote that has none, and
 * a sender who knows that could keep a worker busy.
 */
function wordsOf(text: string): string[] {
  const parts: string[] = [];
  let at = 0;
  let mayQuote = true;
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const [taken = ''] = pattern.exec(text) ?? [];
    at += taken.length;
    return taken;
  };
  while (at < text.length) {
    parts.push(take(WHITE_SPACE));
    let word = '';
    for (let piece = '-'; piece !== ''; word += piece) {
      piece = take(UNQUOTED);
      if (piece !== '' || text[at] !== '"') continue;
      if (mayQuote) piece = take(QUOTED);
      if (piece !== '') continue;
      // This quote has no end, so no later one has: all that follow are escaped as seen from here.
      mayQuote = false;
      piece = '"';
      at += 1;
    }
    parts.push(word);
  }
  return parts;
}

/** Q where most of it can be read, B where that would be much longer. */
function encodedRun(run: string): string {
  const characters = Array.from(run, encodeText);
  const quoted = characters.map(quotedText);
  const base64Length = Math.ceil(characters.reduce(addLength, 0) / 3) * 4;
  return quoted.reduce(addLength, 0) <= base64Length * 1.5
    ? joined(quoted, ROOM, (text) => `=?UTF-8?Q?${text}?=`)
    : joined(
        characters,
        Math.floor(ROOM / 4) * 3,
        (bytes) => `=?UTF-8?B?${Buffer.from(bytes, 'latin1').toString('base64')}?=`,
      );
}

function addLength(sum: number, { length }: string): number {
  return sum + length;
}

/** As few encoded words as hold all pieces, none of which is cut. */
function joined(pieces: readonly string[], room: number, encode: (text: string) => string): string {
  const words: string[] = [];
  let current = '';
  for (const piece of pieces) {
    if (current.length + piece.length > room) {
      words.push(encode(current));
      current = '';
    }
    current += piece;
  }
  words.push(encode(current));
  return words.join('\n ');
}

/** What may stand in a Q word wherever the word stands (RFC 2047 section 5, rule 3). */
function quotedText(bytes: string): string {
  if (bytes === ' ') return '_';
  if (/^[A-Za-z0-9!*+/-]$/.test(bytes)) return bytes;
  let text = '';
  for (let at = 0; at < bytes.length; at += 1) {
    text += `=${bytes.charCodeAt(at).toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}
