/** `message.headers` as authors see it, over the list that the milter room has too. */

import { type HeaderEntry, HeaderList } from '../../policy/header-list.ts';
import type { HeaderValue, Modification } from '../../policy/modification.ts';
import type { Header, Headers } from './api.ts';
import { bytesFromLatin1, latin1FromBytes, textFromLatin1, utf8AsLatin1 } from './bytes.ts';

/** Takes a change if the phase allows it; throws the author's error if not. */
export type Recorder = (modification: Modification) => void;

export class MessageHeaders implements Headers {
  readonly #came: { name: string; raw: string }[] = [];
  readonly #decoded: Record<number, string> = {};
  readonly #record: Recorder;
  readonly #views = new WeakMap<HeaderEntry, HeaderView>();
  #list: HeaderList | undefined;

  constructor(record: Recorder) {
    this.#record = record;
  }

  /** More headers came: `name NUL value NUL ...`. */
  learn(block: string, decoded: Readonly<Record<number, string>>): void {
    const fields = block.split('\0');
    for (let at = 0; at + 1 < fields.length; at += 2)
      this.#came.push({ name: fields[at]!, raw: fields[at + 1]! });
    Object.assign(this.#decoded, decoded);
    this.#list = undefined;
  }

  /** A change by an earlier filter, or one of our own that was recorded. */
  apply(modification: Modification): void {
    this.#entries.apply(modification);
  }

  /** The header that came at this index, for the `header` phase. */
  came(index: number): Header | undefined {
    const entry = this.#entries.visible[index];
    return entry && this.#view(entry);
  }

  /** The header lines as bytes in latin1, each with its CRLF. */
  serialize(): string {
    return this.#entries.visible.map((entry) => headerLine(entry.name, wireValue(entry))).join('');
  }

  /** The same of the headers as they came, before any change. */
  serializeCame(): string {
    return this.#came.map(({ name, raw }) => headerLine(name, raw)).join('');
  }

  *[Symbol.iterator](): Iterator<Header> {
    for (const entry of this.#entries.visible) yield this.#view(entry);
  }

  get(name: string): string | undefined {
    const [first] = this.#entries.named(String(name));
    return first && this.#view(first).text;
  }

  getAll(name: string): string[] {
    return this.#entries.named(String(name)).map((entry) => this.#view(entry).text);
  }

  has(name: string): boolean {
    return this.#entries.named(String(name)).length > 0;
  }

  add(name: string, value: string | Uint8Array): void {
    this.#change({ kind: 'addHeader', name: checkedName(name), value: checkedValue(name, value) });
  }

  insert(index: number, name: string, value: string | Uint8Array): void {
    if (!Number.isInteger(index) || index < 0)
      throw new TypeError(`headers.insert: expected an index from 0, got ${String(index)}`);
    this.#change({
      kind: 'insertHeader',
      index,
      name: checkedName(name),
      value: checkedValue(name, value),
    });
  }

  insertBefore(other: string | Header, name: string, value: string | Uint8Array): void {
    this.#insertBeside('before', other, name, value);
  }

  insertAfter(other: string | Header, name: string, value: string | Uint8Array): void {
    this.#insertBeside('after', other, name, value);
  }

  change(name: string, value: string | Uint8Array, nth = 1): void {
    this.#change({
      kind: 'changeHeader',
      name: checkedName(name),
      nth: checkedNth(nth),
      value: checkedValue(name, value),
    });
  }

  delete(name: string, nth?: number): void {
    const which = nth === undefined ? {} : { nth: checkedNth(nth) };
    this.#change({ kind: 'deleteHeader', name: checkedName(name), ...which });
  }

  #insertBeside(
    side: 'before' | 'after',
    other: string | Header,
    name: string,
    value: string | Uint8Array,
  ): void {
    const id = other instanceof HeaderView ? other.id : this.#entries.named(String(other))[0]?.id;
    if (id === undefined) {
      throw new TypeError(
        `headers: there is no header "${String(other)}" to insert ${name} ${side}`,
      );
    }
    this.#change({
      kind: 'insertHeaderBeside',
      side,
      other: id,
      name: checkedName(name),
      value: checkedValue(name, value),
    });
  }

  #change(modification: Modification): void {
    this.#record(modification);
    this.#entries.apply(modification);
  }

  get #entries(): HeaderList {
    this.#list ??= new HeaderList(this.#came);
    return this.#list;
  }

  #view(entry: HeaderEntry): HeaderView {
    let view = this.#views.get(entry);
    if (!view) {
      const isOriginal = 'raw' in entry.value;
      view = new HeaderView(entry, isOriginal ? this.#decoded[entry.id] : undefined);
      this.#views.set(entry, view);
    }
    return view;
  }
}

class HeaderView implements Header {
  readonly #entry: HeaderEntry;
  readonly #decoded: string | undefined;

  constructor(entry: HeaderEntry, decoded: string | undefined) {
    this.#entry = entry;
    this.#decoded = decoded;
  }

  get id(): number {
    return this.#entry.id;
  }

  get name(): string {
    return textFromLatin1(this.#entry.name);
  }

  get value(): string {
    const { value } = this.#entry;
    if ('text' in value) return value.text;
    if ('bytes' in value) return textFromLatin1(value.bytes);
    return textFromLatin1(value.raw.startsWith(' ') ? value.raw.slice(1) : value.raw);
  }

  get text(): string {
    return this.#decoded ?? this.value.replace(/\r?\n(?=[ \t])/g, '');
  }

  get raw(): Uint8Array {
    const { value } = this.#entry;
    return bytesFromLatin1('raw' in value ? value.raw : wireValue(this.#entry));
  }
}

/** MTAs give folds with LF. */
function headerLine(name: string, value: string): string {
  return `${name}:${value.replace(/\r?\n/g, '\r\n')}\r\n`;
}

/** The value with its leading space, as latin1. */
function wireValue({ value }: HeaderEntry): string {
  if ('raw' in value) return value.raw;
  return ` ${'bytes' in value ? value.bytes : utf8AsLatin1(value.text)}`;
}

function checkedName(name: unknown): string {
  if (typeof name !== 'string' || !/^[!-9;-~]+$/.test(name)) {
    throw new TypeError(
      `header name ${JSON.stringify(name)}: expected printable ASCII without spaces and ":"`,
    );
  }
  return name;
}

function checkedNth(nth: unknown): number {
  if (!Number.isInteger(nth) || (nth as number) < 1)
    throw new TypeError(`header number: expected 1 or more, got ${String(nth)}`);
  return nth as number;
}

/** RFC 5322 section 2.2: a line break is legal only as a fold. */
function checkedValue(name: string, value: unknown): HeaderValue {
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
    throw new TypeError(`header ${name}: expected a text or bytes, got ${typeof value}`);
  }
  const text = typeof value === 'string' ? value : latin1FromBytes(value);
  if (text.includes('\0')) throw new TypeError(`header ${name}: the value has a NUL`);
  const unfolded = text.replace(/\r\n/g, '\n');
  if (unfolded.includes('\r'))
    throw new TypeError(`header ${name}: the value has a carriage return`);
  if (/\n(?![ \t])/.test(unfolded)) {
    throw new TypeError(
      `header ${name}: a line break must be followed by a space or a tab, or it would begin a new header`,
    );
  }
  return typeof value === 'string' ? { text: unfolded } : { bytes: unfolded };
}
