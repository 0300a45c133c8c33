/** Replies as a filter puts them on the wire, written by hand. The first four bytes are the length. */

import type { Reply, ReplyOf } from '../src/index.ts';
import type { Vector } from './wire.ts';

/** Every reply there is: a kind without an entry does not compile. */
export const REPLIES: { readonly [K in Reply['kind']]: readonly Vector<ReplyOf<K>>[] } = {
  continue: [['CONTINUE', '00000001 "c"', { kind: 'continue' }]],
  accept: [['ACCEPT', '00000001 "a"', { kind: 'accept' }]],
  reject: [['REJECT', '00000001 "r"', { kind: 'reject' }]],
  tempfail: [['TEMPFAIL', '00000001 "t"', { kind: 'tempfail' }]],
  discard: [['DISCARD', '00000001 "d"', { kind: 'discard' }]],
  skip: [['SKIP', '00000001 "s"', { kind: 'skip' }]],
  progress: [['PROGRESS', '00000001 "p"', { kind: 'progress' }]],
  shutdown: [['SHUTDOWN', '00000001 "4"', { kind: 'shutdown' }]],
  connfail: [['CONN_FAIL', '00000001 "f"', { kind: 'connfail' }]],
  replycode: [
    ['one line', '0000000e "y" "550 5.7.1 No" 00', { kind: 'replycode', text: '550 5.7.1 No' }],
    [
      'two lines',
      '00000010 "y" "450-one" 0d0a "450 2" 00',
      { kind: 'replycode', text: '450-one\r\n450 2' },
    ],
  ],
  addheader: [
    [
      'a header',
      '0000000a "h" "X-Spam" 00 "1" 00',
      { kind: 'addheader', name: 'X-Spam', value: '1' },
    ],
  ],
  insheader: [
    [
      'a header at the top',
      '00000009 "i" 00000000 "X" 00 "1" 00',
      { kind: 'insheader', index: 0, name: 'X', value: '1' },
    ],
    [
      'a header at the bottom',
      '00000009 "i" ffffffff "X" 00 "1" 00',
      { kind: 'insheader', index: 0xffff_ffff, name: 'X', value: '1' },
    ],
  ],
  chgheader: [
    [
      'a changed header',
      '00000009 "m" 00000002 "X" 00 "1" 00',
      { kind: 'chgheader', index: 2, name: 'X', value: '1' },
    ],
    [
      'a deleted header',
      '00000008 "m" 00000001 "X" 00 00',
      { kind: 'chgheader', index: 1, name: 'X', value: '' },
    ],
  ],
  replbody: [
    ['a chunk', '00000005 "b" "hi" 0d0a', { kind: 'replbody', chunk: Buffer.from('hi\r\n') }],
    ['an empty body', '00000001 "b"', { kind: 'replbody', chunk: Buffer.alloc(0) }],
  ],
  addrcpt: [['a recipient', '00000007 "+" "<c@d>" 00', { kind: 'addrcpt', address: '<c@d>' }]],
  addrcptPar: [
    ['without arguments', '00000007 "2" "<c@d>" 00', { kind: 'addrcptPar', address: '<c@d>' }],
    [
      'with an argument',
      '00000014 "2" "<c@d>" 00 "NOTIFY=NEVER" 00',
      { kind: 'addrcptPar', address: '<c@d>', args: 'NOTIFY=NEVER' },
    ],
  ],
  delrcpt: [['a recipient', '00000007 "-" "<c@d>" 00', { kind: 'delrcpt', address: '<c@d>' }]],
  chgfrom: [
    ['the null sender', '00000004 "e" "<>" 00', { kind: 'chgfrom', address: '<>' }],
    [
      'with arguments',
      '0000001b "e" "<a@b>" 00 "RET=HDRS ENVID=1234" 00',
      { kind: 'chgfrom', address: '<a@b>', args: 'RET=HDRS ENVID=1234' },
    ],
  ],
  quarantine: [['a reason', '00000006 "q" "spam" 00', { kind: 'quarantine', reason: 'spam' }]],
  optneg: [
    [
      'the answer of a filter that wants headers only',
      '0000000d "O" 00000006 00000011 0000005f',
      { kind: 'optneg', version: 6, actions: 0x11, protocol: 0x5f },
    ],
    [
      'with lists of macros',
      '00000024 "O" 00000006 00000100 00000000 00000002 "i {auth_type}" 00 00000005 00',
      {
        kind: 'optneg',
        version: 6,
        actions: 0x100,
        protocol: 0,
        macros: [
          { stage: 2, names: ['i', '{auth_type}'] },
          { stage: 5, names: [] },
        ],
      },
    ],
  ],
};

export const ALL_REPLIES: readonly Vector<Reply>[] = Object.values(REPLIES).flat();
