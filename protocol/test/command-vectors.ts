/** Commands as an MTA puts them on the wire, written by hand. The first four bytes are the length. */

import type { Command, CommandOf } from '../src/index.ts';
import type { Vector } from './wire.ts';

/** Every command there is: a kind without an entry does not compile. */
export const COMMANDS: { readonly [K in Command['kind']]: readonly Vector<CommandOf<K>>[] } = {
  optneg: [
    [
      'the offer of Postfix and Sendmail',
      '0000000d "O" 00000006 000001ff 001fffff',
      { kind: 'optneg', version: 6, actions: 0x1ff, protocol: 0x1fffff },
    ],
    [
      'an offer with the highest bit set',
      '0000000d "O" 00000002 0000003f 8000007f',
      { kind: 'optneg', version: 2, actions: 0x3f, protocol: 0x8000007f },
    ],
  ],
  macro: [
    [
      'macros of MAIL',
      '0000001b "DM" "i" 00 "4Xq1" 00 "{auth_type}" 00 "PLAIN" 00',
      {
        kind: 'macro',
        command: 'M',
        values: [
          ['i', '4Xq1'],
          ['{auth_type}', 'PLAIN'],
        ],
      },
    ],
    ['no macros', '00000002 "DC"', { kind: 'macro', command: 'C', values: [] }],
    [
      'macros of a header',
      '00000006 "DL" "i" 00 "x" 00',
      { kind: 'macro', command: 'L', values: [['i', 'x']] },
    ],
    [
      'a macro with an empty value',
      '00000005 "DE" "v" 00 00',
      { kind: 'macro', command: 'E', values: [['v', '']] },
    ],
  ],
  connect: [
    [
      'a client with IPv4',
      '00000019 "C" "mx.example" 00 "4" 8235 "192.0.2.1" 00',
      {
        kind: 'connect',
        hostname: 'mx.example',
        family: 'inet',
        port: 33333,
        address: '192.0.2.1',
      },
    ],
    [
      'a client with IPv6 as Sendmail writes it',
      '0000001b "C" "[::1]" 00 "6" 0019 "IPv6:2001:db8::1" 00',
      {
        kind: 'connect',
        hostname: '[::1]',
        family: 'inet6',
        port: 25,
        address: 'IPv6:2001:db8::1',
      },
    ],
    [
      'a client on a unix socket',
      '0000001a "C" "localhost" 00 "L" 0000 "/run/socket" 00',
      {
        kind: 'connect',
        hostname: 'localhost',
        family: 'unix',
        port: 0,
        address: '/run/socket',
      },
    ],
    [
      'a client without an address',
      '0000000c "C" "localhost" 00 "U"',
      { kind: 'connect', hostname: 'localhost', family: 'unknown', port: 0, address: '' },
    ],
  ],
  helo: [
    ['a name', '0000000c "H" "mx.example" 00', { kind: 'helo', name: 'mx.example' }],
    ['no name', '00000002 "H" 00', { kind: 'helo', name: '' }],
  ],
  mail: [
    ['a sender', '00000007 "M" "<a@b>" 00', { kind: 'mail', address: '<a@b>', args: [] }],
    [
      'a sender with arguments',
      '0000001e "M" "<a@b>" 00 "SIZE=1" 00 "BODY=8BITMIME" 00 "X" 00',
      { kind: 'mail', address: '<a@b>', args: ['SIZE=1', 'BODY=8BITMIME', 'X'] },
    ],
    ['the null sender', '00000004 "M" "<>" 00', { kind: 'mail', address: '<>', args: [] }],
    [
      'the null sender of mail that did not come by SMTP',
      '00000002 "M" 00',
      { kind: 'mail', address: '', args: [] },
    ],
    ['an empty argument', '00000005 "M" "<>" 00 00', { kind: 'mail', address: '<>', args: [''] }],
  ],
  rcpt: [
    [
      'a recipient with an argument',
      '00000014 "R" "<c@d>" 00 "NOTIFY=NEVER" 00',
      { kind: 'rcpt', address: '<c@d>', args: ['NOTIFY=NEVER'] },
    ],
    [
      'a recipient in UTF-8',
      '00000008 "R" "<" c3bc "@d>" 00',
      { kind: 'rcpt', address: '<\u00c3\u00bc@d>', args: [] },
    ],
  ],
  data: [['DATA', '00000001 "T"', { kind: 'data' }]],
  header: [
    [
      'a header',
      '0000000f "L" "Subject" 00 "Hello" 00',
      { kind: 'header', name: 'Subject', value: 'Hello' },
    ],
    ['an empty value', '00000004 "L" "X" 00 00', { kind: 'header', name: 'X', value: '' }],
    [
      'a folded value with its leading space, in Latin-1',
      '00000009 "L" "X" 00 20 e9 0a 09 "b" 00',
      { kind: 'header', name: 'X', value: ' \u00e9\n\tb' },
    ],
  ],
  eoh: [['EOH', '00000001 "N"', { kind: 'eoh' }]],
  body: [
    ['a chunk', '00000006 "B" "hi" 0d0a 00', { kind: 'body', chunk: Buffer.from('hi\r\n\0') }],
    ['an empty chunk', '00000001 "B"', { kind: 'body', chunk: Buffer.alloc(0) }],
  ],
  bodyeob: [
    ['end of message', '00000001 "E"', { kind: 'bodyeob' }],
    ['with a last chunk', '00000004 "E" "end"', { kind: 'bodyeob', chunk: Buffer.from('end') }],
  ],
  abort: [['ABORT', '00000001 "A"', { kind: 'abort' }]],
  unknown: [['a command line', '00000008 "U" "XCAT 1" 00', { kind: 'unknown', command: 'XCAT 1' }]],
  quit: [['QUIT', '00000001 "Q"', { kind: 'quit' }]],
  quitNc: [['QUIT_NC', '00000001 "K"', { kind: 'quitNc' }]],
};

export const ALL_COMMANDS: readonly Vector<Command>[] = Object.values(COMMANDS).flat();
