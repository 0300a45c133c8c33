import { type Command, encodeCommand, MILTER_CHUNK_SIZE } from '../src/index.ts';
import { outcomeOf } from './outcome.ts';

const macro = (values: [string, string][]): Command => ({ kind: 'macro', command: 'M', values });
const optneg = { kind: 'optneg', version: 6, actions: 0, protocol: 0 } as const;
const connect = { kind: 'connect', hostname: 'h', family: 'inet', port: 25, address: 'a' } as const;
const tooMuch = Buffer.alloc(MILTER_CHUNK_SIZE + 1);

describe('a command that the wire cannot hold is refused', () => {
  const cases: [title: string, command: Command, outcome: string][] = [
    ['a NUL in HELO', { kind: 'helo', name: 'a\0' }, 'ERR_MILTER_NUL SMFIC_HELO name 1'],
    [
      'a NUL in UNKNOWN',
      { kind: 'unknown', command: '\0' },
      'ERR_MILTER_NUL SMFIC_UNKNOWN command 0',
    ],
    [
      'a NUL in a sender',
      { kind: 'mail', address: '\0', args: [] },
      'ERR_MILTER_NUL SMFIC_MAIL address 0',
    ],
    [
      'a NUL in an argument',
      { kind: 'rcpt', address: '', args: ['', '\0'] },
      'ERR_MILTER_NUL SMFIC_RCPT args 0',
    ],
    [
      'a NUL in a header name',
      { kind: 'header', name: '\0', value: '' },
      'ERR_MILTER_NUL SMFIC_HEADER name 0',
    ],
    [
      'a NUL in a header value',
      { kind: 'header', name: '', value: '\0' },
      'ERR_MILTER_NUL SMFIC_HEADER value 0',
    ],
    ['a NUL in a macro name', macro([['\0', '']]), 'ERR_MILTER_NUL SMFIC_MACRO name 0'],
    ['a NUL in a macro value', macro([['', '\0']]), 'ERR_MILTER_NUL SMFIC_MACRO value 0'],
    [
      'a NUL in a hostname',
      { ...connect, hostname: '\0' },
      'ERR_MILTER_NUL SMFIC_CONNECT hostname 0',
    ],
    [
      'a NUL in an address',
      { ...connect, address: '\0' },
      'ERR_MILTER_NUL SMFIC_CONNECT address 0',
    ],
    [
      'text that is not bytes',
      { kind: 'helo', name: 'a\u0159' },
      'ERR_MILTER_NOT_BYTES SMFIC_HELO name 1',
    ],
    [
      'macros of no command',
      { kind: 'macro', command: '', values: [] },
      'ERR_MILTER_MACRO SMFIC_MACRO command 0',
    ],
    [
      'macros of two commands',
      { kind: 'macro', command: 'MR', values: [] },
      'ERR_MILTER_MACRO SMFIC_MACRO command 0',
    ],
    [
      'macros of a command over 0xFF',
      { kind: 'macro', command: '\u0100', values: [] },
      'ERR_MILTER_MACRO SMFIC_MACRO command 0',
    ],
    ['a port over 65535', { ...connect, port: 65536 }, 'ERR_MILTER_NUMBER SMFIC_CONNECT port 0'],
    ['a port below 0', { ...connect, port: -1 }, 'ERR_MILTER_NUMBER SMFIC_CONNECT port 0'],
    ['half a port', { ...connect, port: 1.5 }, 'ERR_MILTER_NUMBER SMFIC_CONNECT port 0'],
    [
      'a port without a family',
      { ...connect, family: 'unknown', address: '' },
      'ERR_MILTER_FAMILY SMFIC_CONNECT family 0',
    ],
    [
      'an address without a family',
      { ...connect, family: 'unknown', port: 0 },
      'ERR_MILTER_FAMILY SMFIC_CONNECT family 0',
    ],
    [
      'a version over 32 bits',
      { ...optneg, version: 2 ** 32 },
      'ERR_MILTER_NUMBER SMFIC_OPTNEG version 0',
    ],
    ['signed actions', { ...optneg, actions: -1 }, 'ERR_MILTER_NUMBER SMFIC_OPTNEG actions 0'],
    [
      'signed flags',
      { ...optneg, protocol: 0x80000000 | 0 },
      'ERR_MILTER_NUMBER SMFIC_OPTNEG protocol 0',
    ],
    [
      'a long body chunk',
      { kind: 'body', chunk: tooMuch },
      'ERR_MILTER_CHUNK_TOO_BIG SMFIC_BODY chunk 65535',
    ],
    [
      'a long last chunk',
      { kind: 'bodyeob', chunk: tooMuch },
      'ERR_MILTER_CHUNK_TOO_BIG SMFIC_BODYEOB chunk 65535',
    ],
  ];
  test.each(cases)('%s', (_, command, outcome) => {
    expect(outcomeOf(() => encodeCommand(command))).toBe(outcome);
  });
});
