/** Commands out of their order. */

import {
  abort,
  body,
  CONTENT,
  connect,
  data,
  eoh,
  eom,
  header,
  helo,
  mail,
  message,
  quitNc,
  rcpt,
  unknown,
} from './script.ts';
import { answers, START, type StrayCase } from './stray-cases.ts';

export const OUT_OF_ORDER: readonly StrayCase[] = [
  {
    what: 'no CONNECT',
    script: [helo(), mail(), rcpt()],
    libmilter: answers('Occc', 'helo mail rcpt abort close'),
  },
  {
    what: 'no CONNECT, no HELO',
    script: [mail(), rcpt()],
    libmilter: answers('Occ', 'mail rcpt abort close'),
  },
  {
    what: 'no content',
    script: [...START, mail(), rcpt(), eom, mail()],
    libmilter: answers('Occcccc', 'connect helo mail rcpt eom mail abort close'),
  },
  {
    what: 'ABORT outside of messages',
    script: [connect(), abort, abort, helo(), abort, abort, mail()],
    libmilter: answers('Occc', 'connect helo mail abort close'),
  },
  {
    difference: 'answers instead of ignoring',
    what: 'ABORT before CONNECT',
    script: [abort, connect(), helo()],
    libmilter: answers('Oc', 'helo close'),
    postern: answers('Occ', 'connect helo close'),
  },
  {
    difference: 'answers instead of ignoring',
    what: 'UNKNOWN before CONNECT',
    script: [unknown('XFOO'), connect(), helo()],
    libmilter: answers('Occ', 'unknown helo close'),
    postern: answers('Occc', 'unknown connect helo close'),
  },
  {
    difference: 'answers instead of ignoring',
    what: 'a second CONNECT',
    script: [...START, connect('second'), helo()],
    libmilter: answers('Occc', 'connect helo helo close'),
    postern: answers('Occcc', 'connect helo close connect helo close'),
  },
  {
    difference: 'answers instead of ignoring',
    what: 'DATA without RCPT',
    script: [...START, mail(), data, mail()],
    libmilter: answers('Occcc', 'connect helo mail abort mail abort close'),
    postern: answers('Occccc', 'connect helo mail data abort mail abort close'),
  },
  {
    difference: 'answers instead of ignoring',
    what: 'a recipient after DATA',
    script: [...START, mail(), rcpt(), data, rcpt(), eom],
    libmilter: answers('Occccc', 'connect helo mail rcpt data abort close'),
    postern: answers('Occccccc', 'connect helo mail rcpt data rcpt eom close'),
  },
  {
    difference: 'answers instead of ignoring',
    what: 'a header after the body',
    script: [...START, mail(), rcpt(), data, eoh, body('x'), header('A', ' b'), eom],
    libmilter: answers('Occccccc', 'connect helo mail rcpt data eoh body abort close'),
    postern: answers('Occccccccc', 'connect helo mail rcpt data eoh body header eom close'),
  },
  {
    difference: 'answers instead of ignoring',
    what: 'the end of a message twice',
    script: [...START, mail(), rcpt(), data, eoh, eom, eom],
    libmilter: answers('Occccccc', 'connect helo mail rcpt data eoh eom close'),
    postern: answers('Occcccccc', 'connect helo mail rcpt data eoh eom close'),
  },
  {
    difference: 'answers instead of ignoring',
    what: 'the rest of a message that was refused at MAIL',
    plan: 'rejects mail',
    script: [...START, ...message()],
    libmilter: answers('Occr', 'connect helo mail close'),
    postern: answers('Occrccccccssr', 'connect helo mail close'),
  },
  {
    difference: 'satisfied is satisfied',
    what: 'a message after the connection was accepted',
    plan: 'accepts connect',
    script: [...START, mail(), rcpt(), ...CONTENT],
    libmilter: answers(
      'Oaccccccccccc',
      'connect helo mail rcpt data header header header eoh body body eom close',
    ),
    postern: answers('Oaccccccccccc', 'connect close'),
  },
  {
    difference: 'QUIT_NC in every state',
    what: 'after HELO',
    script: [...START, quitNc, connect('second'), helo()],
    libmilter: answers('Occc', 'connect helo helo close'),
    postern: answers('Occcc', 'connect helo close connect helo close'),
  },
  {
    difference: 'QUIT_NC in every state',
    what: 'in a message',
    script: [...START, mail(), rcpt(), quitNc, connect('second'), helo()],
    libmilter: answers('Occccc', 'connect helo mail rcpt abort helo close'),
    postern: answers('Occcccc', 'connect helo mail rcpt abort close connect helo close'),
  },
];
