/**
 * The slow and obvious twin of the decoder: a whole stream at once, number by number. It
 * shares nothing with the code under test but the packets' shapes.
 */

import type { Command, Reply } from '../src/index.ts';

/** The packets before the first mistake, and the code of that mistake. */
export interface TwinResult<T> {
  readonly packets: readonly T[];
  readonly error?: string;
}

class Mistake extends Error {}

class Data {
  readonly #view: DataView;
  #at = 0;

  constructor(stream: Uint8Array, start: number, end: number) {
    const copy = stream.slice(start, end);
    this.#view = new DataView(copy.buffer, copy.byteOffset, copy.byteLength);
  }

  get left(): number {
    return this.#view.byteLength - this.#at;
  }

  number(bytes: 1 | 2 | 4): number {
    if (this.left < bytes) throw new Mistake('ERR_MILTER_TRUNCATED');
    let value = 0;
    for (let i = 0; i < bytes; i++) value = value * 256 + this.#view.getUint8(this.#at++);
    return value;
  }

  string(mayLackNul: boolean): string {
    let text = '';
    while (this.left > 0) {
      const code = this.#view.getUint8(this.#at++);
      if (code === 0) return text;
      text += String.fromCharCode(code);
    }
    if (!mayLackNul) throw new Mistake('ERR_MILTER_UNTERMINATED');
    return text;
  }

  rest(): Buffer {
    const values: number[] = [];
    while (this.left > 0) values.push(this.number(1));
    return Buffer.from(values);
  }

  nothingLeft<T>(packet: T): T {
    if (this.left > 0) throw new Mistake('ERR_MILTER_TRAILING');
    return packet;
  }
}

export function twinCommands(stream: Uint8Array, maxPacketBytes: number): TwinResult<Command> {
  return all(stream, maxPacketBytes, command);
}

export function twinReplies(stream: Uint8Array, maxPacketBytes: number): TwinResult<Reply> {
  return all(stream, maxPacketBytes, reply);
}

function all<T>(
  stream: Uint8Array,
  maxPacketBytes: number,
  read: (code: string, data: Data) => T,
): TwinResult<T> {
  const packets: T[] = [];
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  try {
    for (let at = 0; at + 4 <= stream.length; ) {
      const length = view.getUint32(at);
      if (length === 0) throw new Mistake('ERR_MILTER_EMPTY_PACKET');
      if (length > maxPacketBytes) throw new Mistake('ERR_MILTER_PACKET_TOO_BIG');
      if (at + 4 + length > stream.length) break;
      const code = String.fromCharCode(view.getUint8(at + 4));
      packets.push(read(code, new Data(stream, at + 5, at + 4 + length)));
      at += 4 + length;
    }
  } catch (error) {
    if (error instanceof Mistake) return { packets, error: error.message };
    throw error;
  }
  return { packets };
}

function command(code: string, data: Data): Command {
  const rules: Record<string, () => Command> = {
    O: () => {
      if (data.left < 12) throw new Mistake('ERR_MILTER_TRUNCATED');
      return {
        kind: 'optneg',
        version: data.number(4),
        actions: data.number(4),
        protocol: data.number(4),
      };
    },
    D: () => {
      const of = String.fromCharCode(data.number(1));
      const values: [string, string][] = [];
      while (data.left > 0) values.push([data.string(true), data.string(true)]);
      return { kind: 'macro', command: of, values };
    },
    C: () => {
      const hostname = data.string(false);
      const families = { '4': 'inet', '6': 'inet6', L: 'unix', U: 'unknown' } as const;
      const letter = String.fromCharCode(data.number(1));
      if (!(letter in families)) throw new Mistake('ERR_MILTER_FAMILY');
      const family = families[letter as keyof typeof families];
      if (family === 'unknown') return { kind: 'connect', hostname, family, port: 0, address: '' };
      const port = data.number(2);
      return { kind: 'connect', hostname, family, port, address: data.string(false) };
    },
    H: () => ({ kind: 'helo', name: data.string(true) }),
    M: () => ({ kind: 'mail', address: data.string(false), args: strings(data) }),
    R: () => ({ kind: 'rcpt', address: data.string(false), args: strings(data) }),
    T: () => ({ kind: 'data' }),
    L: () => ({ kind: 'header', name: data.string(false), value: data.string(true) }),
    N: () => ({ kind: 'eoh' }),
    B: () => ({ kind: 'body', chunk: data.rest() }),
    E: () => (data.left > 0 ? { kind: 'bodyeob', chunk: data.rest() } : { kind: 'bodyeob' }),
    A: () => ({ kind: 'abort' }),
    U: () => ({ kind: 'unknown', command: data.string(true) }),
    Q: () => ({ kind: 'quit' }),
    K: () => ({ kind: 'quitNc' }),
  };
  const rule = rules[code];
  if (rule === undefined) throw new Mistake('ERR_MILTER_UNKNOWN_COMMAND');
  return rule();
}

function strings(data: Data): string[] {
  const list: string[] = [];
  while (data.left > 0) list.push(data.string(false));
  return list;
}

function reply(code: string, data: Data): Reply {
  const header = () => ({ name: data.string(false), value: data.string(false) });
  const address = () => {
    const first = data.string(false);
    return data.left > 0 ? { address: first, args: data.string(false) } : { address: first };
  };
  const rules: Record<string, () => Reply> = {
    c: () => ({ kind: 'continue' }),
    a: () => ({ kind: 'accept' }),
    r: () => ({ kind: 'reject' }),
    t: () => ({ kind: 'tempfail' }),
    d: () => ({ kind: 'discard' }),
    s: () => ({ kind: 'skip' }),
    p: () => ({ kind: 'progress' }),
    '4': () => ({ kind: 'shutdown' }),
    f: () => ({ kind: 'connfail' }),
    y: () => ({ kind: 'replycode', text: data.string(false) }),
    h: () => ({ kind: 'addheader', ...header() }),
    i: () => ({ kind: 'insheader', index: data.number(4), ...header() }),
    m: () => ({ kind: 'chgheader', index: data.number(4), ...header() }),
    b: () => ({ kind: 'replbody', chunk: data.rest() }),
    '+': () => ({ kind: 'addrcpt', address: data.string(false) }),
    '2': () => ({ kind: 'addrcptPar', ...address() }),
    '-': () => ({ kind: 'delrcpt', address: data.string(false) }),
    e: () => ({ kind: 'chgfrom', ...address() }),
    q: () => ({ kind: 'quarantine', reason: data.string(false) }),
    O: () => {
      if (data.left < 12) throw new Mistake('ERR_MILTER_TRUNCATED');
      const agreed = {
        kind: 'optneg',
        version: data.number(4),
        actions: data.number(4),
        protocol: data.number(4),
      } as const;
      if (data.left === 0) return agreed;
      const macros: { stage: number; names: string[] }[] = [];
      while (data.left > 0) {
        const stage = data.number(4);
        macros.push({ stage, names: data.string(false).match(/[^ ,\t\r\n]+/g) ?? [] });
      }
      return { ...agreed, macros };
    },
  };
  const rule = rules[code];
  if (rule === undefined) throw new Mistake('ERR_MILTER_UNKNOWN_REPLY');
  return data.nothingLeft(rule());
}
