/** Commands that cannot be right, and packets that are broken. */

import { connect, eom, header, helo, macros, mail, rcpt, type Step } from './script.ts';
import { answers, START, type StrayCase, USUAL } from './stray-cases.ts';

const optneg: Step = { kind: 'optneg', ...USUAL };

export const VIOLATIONS: readonly StrayCase[] = [
  {
    difference: 'closes instead of ignoring',
    what: 'CONNECT before OPTNEG',
    offer: null,
    script: [connect()],
    libmilter: answers('', 'close'),
    postern: answers('', ''),
  },
  {
    difference: 'closes instead of ignoring',
    what: 'macros before OPTNEG',
    offer: null,
    script: [macros('C', { j: 'x' }), optneg, connect()],
    libmilter: answers('Oc', 'connect close'),
    postern: answers('', ''),
  },
  {
    difference: 'closes instead of ignoring',
    what: 'OPTNEG in a session',
    first: [connect()],
    script: [optneg, helo()],
    libmilter: answers('Occ', 'connect helo close'),
    postern: answers('Oc', 'connect close'),
  },
  {
    difference: 'closes instead of ignoring',
    what: 'a recipient without MAIL',
    first: START,
    script: [rcpt(), mail()],
    libmilter: answers('Occc', 'connect helo mail abort close'),
    postern: answers('Occ', 'connect helo close'),
  },
  {
    difference: 'closes instead of ignoring',
    what: 'the end of a message without MAIL',
    first: START,
    script: [eom, mail()],
    libmilter: answers('Occc', 'connect helo mail abort close'),
    postern: answers('Occ', 'connect helo close'),
  },
  {
    what: 'a code that nobody knows',
    script: [],
    bytes: [0, 0, 0, 1, 0x5a],
    libmilter: answers('O', 'close'),
  },
  { what: 'length 0', script: [], bytes: [0, 0, 0, 0], libmilter: answers('O', 'close') },
  {
    what: 'CONNECT without a family',
    script: [],
    bytes: [0, 0, 0, 3, 0x43, 0x61, 0],
    libmilter: answers('O', 'close'),
  },
  {
    difference: 'abort is for messages',
    what: 'MAIL whose address is cut short',
    script: [],
    bytes: [0, 0, 0, 2, 0x4d, 0x61],
    libmilter: answers('O', 'abort close'),
    postern: answers('O', 'close'),
  },
  {
    difference: 'lenient where nothing is lost',
    what: 'HELO without its NUL',
    first: [connect()],
    script: [],
    bytes: [0, 0, 0, 2, 0x48, 0x61],
    libmilter: answers('Oc', 'connect close'),
    postern: answers('Occ', 'connect helo close'),
  },
  {
    difference: 'lenient where nothing is lost',
    what: 'a header of more than 64 KiB, as Postfix sends them',
    first: [...START, mail(), rcpt()],
    script: [header('X-Long', 'y'.repeat(70_000)), eom],
    libmilter: answers('Occcc', 'connect helo mail rcpt abort close'),
    postern: answers('Occcccc', 'connect helo mail rcpt header eom close'),
  },
  {
    difference: 'lenient where nothing is lost',
    what: 'a client address that is none',
    script: [connect('mx.example.org', 'no address')],
    libmilter: answers('O', 'close'),
    postern: answers('Oc', 'connect close'),
  },
];
