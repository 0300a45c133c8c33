import { readCommand, readReply } from './one-packet.ts';

describe('an MTA that strays is understood where nothing is lost', () => {
  test.each([
    ['HELO without its NUL', '"Hmx"', { kind: 'helo', name: 'mx' }],
    ['HELO without anything', '"H"', { kind: 'helo', name: '' }],
    ['HELO with bytes after its NUL', '"Hmx" 00 "x"', { kind: 'helo', name: 'mx' }],
    ['UNKNOWN without its NUL', '"UXCAT"', { kind: 'unknown', command: 'XCAT' }],
    ['a header value without its NUL', '"LX" 00 "1"', { kind: 'header', name: 'X', value: '1' }],
    ['a header with only a name', '"LX" 00', { kind: 'header', name: 'X', value: '' }],
    [
      'a header with bytes after its value',
      '"LX" 00 "1" 00 "2"',
      { kind: 'header', name: 'X', value: '1' },
    ],
    ['a macro without a value', '"DMi" 00', { kind: 'macro', command: 'M', values: [['i', '']] }],
    ['a macro without any NUL', '"DMi"', { kind: 'macro', command: 'M', values: [['i', '']] }],
    [
      'a macro value without its NUL',
      '"DMi" 00 "7"',
      { kind: 'macro', command: 'M', values: [['i', '7']] },
    ],
    [
      'an odd number of macro strings',
      '"DMi" 00 "7" 00 "j" 00',
      {
        kind: 'macro',
        command: 'M',
        values: [
          ['i', '7'],
          ['j', ''],
        ],
      },
    ],
    [
      'macros for a command that does not exist',
      '"Dz" "i" 00 "7" 00',
      { kind: 'macro', command: 'z', values: [['i', '7']] },
    ],
    [
      'an offer longer than 12 bytes',
      '"O" 00000006 000001ff 001fffff 00000001',
      { kind: 'optneg', version: 6, actions: 0x1ff, protocol: 0x1fffff },
    ],
    [
      'bytes after an unknown address',
      '"Ch" 00 "U" 0000 00',
      { kind: 'connect', hostname: 'h', family: 'unknown', port: 0, address: '' },
    ],
    ['data after DATA', '"T" 00', { kind: 'data' }],
    ['data after EOH', '"Nx"', { kind: 'eoh' }],
    ['data after ABORT', '"Ax"', { kind: 'abort' }],
    ['data after QUIT', '"Qx"', { kind: 'quit' }],
    ['data after QUIT_NC', '"Kx"', { kind: 'quitNc' }],
  ])('%s', (_, wire, expected) => {
    expect(readCommand(wire)).toStrictEqual(expected);
  });
});

describe('what a filter may write in more than one way', () => {
  test('is a list of macros with commas and more than one space', () => {
    expect(readReply('"O" 00000006 00000000 00000000 00000001 " i,  j,{x} " 00')).toStrictEqual({
      kind: 'optneg',
      version: 6,
      actions: 0,
      protocol: 0,
      macros: [{ stage: 1, names: ['i', 'j', '{x}'] }],
    });
  });
});
