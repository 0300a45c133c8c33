/** Macros: which value a filter finds in which phase, over stages, messages and connections. */

import type { Difference } from './differences.ts';
import { ALL, type Plan, verdict } from './plan.ts';
import { describeScenarios } from './scenarios.ts';
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
  macros,
  mail,
  message,
  quitNc,
  rcpt,
  type Script,
  unknown,
} from './script.ts';

const OF_THE_CONNECTION = ['j', 'v', '{daemon_name}', '{tls_version}'];
const OF_A_MESSAGE = ['i', '{auth_type}', '{rcpt_addr}', '{data}', '{eoh}', '{msg_id}'];

const LOOKING: Plan = { phases: ALL, macros: [...OF_THE_CONNECTION, ...OF_A_MESSAGE] };

/** Outside of messages libmilter still knows the macros of the last one. */
const forgetting = (...lines: readonly string[]): Difference => ({
  name: 'macros end with their message',
  forgets: { lines, macros: OF_A_MESSAGE },
});

const SINCE_V3 = ['v6', 'v6 that waits', 'v4', 'v3'];

const CONNECT: Script = [
  macros('C', { j: 'mx.example.com', v: '8.17', '{daemon_name}': 'MTA', '{here}': 'connect' }),
  connect(),
];
const HELO: Script = [macros('H', { '{tls_version}': 'TLSv1.3', '{here}': 'helo' }), helo()];

/** A message with macros at each stage, as Sendmail sends them. */
const fullMessage = (id: string): Script => [
  macros('M', { i: id, '{auth_type}': 'PLAIN', '{here}': 'mail' }),
  mail(),
  macros('R', { '{rcpt_addr}': 'one@example.com', '{here}': 'rcpt' }),
  rcpt('<one@example.com>'),
  macros('R', { '{rcpt_addr}': 'two@example.com', '{here}': 'rcpt' }),
  rcpt('<two@example.com>'),
  macros('T', { '{data}': 'yes', '{here}': 'data' }),
  data,
  header('Subject', ' A message'),
  macros('N', { '{eoh}': 'yes', '{here}': 'eoh' }),
  eoh,
  body('Hello.\r\n'),
  macros('E', { '{msg_id}': `<${id}@example.com>`, '{here}': 'eom' }),
  eom,
];

/** As Postfix: a packet before each event, mostly empty, and the queue id with the first recipient. */
const postfixMessage = (id: string): Script => [
  macros('M', { '{auth_type}': 'PLAIN' }),
  mail(),
  macros('R', { i: id, '{rcpt_addr}': 'one@example.com' }),
  rcpt('<one@example.com>'),
  macros('T', { i: id }),
  data,
  macros('L', { i: id }),
  header('Subject', ' A message'),
  macros('N', { i: id }),
  eoh,
  macros('B', { i: id }),
  body('Hello.\r\n'),
  macros('E', { i: id }),
  eom,
  abort,
];

describeScenarios('macros', [
  {
    name: 'of each stage, and of the next message',
    plan: LOOKING,
    script: [...CONNECT, ...HELO, ...fullMessage('first'), ...fullMessage('second')],
    differences: [forgetting('close')],
  },
  {
    name: 'of the same name: the latest stage',
    plan: { phases: ALL.filter((phase) => phase !== 'close'), macros: ['{here}'] },
    script: [...CONNECT, ...HELO, ...fullMessage('first'), ...fullMessage('second')],
  },
  {
    name: 'as Postfix sends them',
    plan: LOOKING,
    script: [
      ...CONNECT,
      macros('H', {}),
      helo(),
      ...postfixMessage('A1'),
      ...postfixMessage('B2'),
      macros('U', {}),
      unknown('XNONE'),
    ],
    differences: [forgetting('close'), { ...forgetting('unknown'), offers: SINCE_V3 }],
  },
  {
    name: 'in braces or not',
    plan: { phases: ['connect', 'mail'], macros: ['i', '{i}', 'j', '{j}'] },
    script: [macros('C', { j: 'x' }), connect(), helo(), macros('M', { '{i}': 'y' }), ...message()],
  },
  {
    name: 'of events that are not sent',
    plan: { phases: ['rcpt', 'close'], macros: LOOKING.macros! },
    script: [...CONNECT, ...HELO, ...fullMessage('first'), ...fullMessage('second')],
    differences: [forgetting('close')],
  },
  {
    name: 'of a message that is given up',
    plan: LOOKING,
    script: [
      ...CONNECT,
      ...HELO,
      macros('M', { i: 'first' }),
      mail(),
      macros('R', { '{rcpt_addr}': 'one@example.com' }),
      rcpt(),
      abort,
      macros('M', { i: 'second' }),
      mail(),
      rcpt(),
      abort,
    ],
    differences: [forgetting('close')],
  },
  {
    name: 'of a message that is refused',
    plan: { ...LOOKING, rules: [{ phase: 'eom', verdict: verdict('reject') }] },
    script: [...CONNECT, ...HELO, ...fullMessage('first'), abort, ...fullMessage('second'), abort],
    differences: [forgetting('close')],
  },
  {
    name: 'at commands between messages',
    plan: LOOKING,
    script: [
      ...CONNECT,
      ...HELO,
      unknown('XBEFORE'),
      ...fullMessage('first'),
      unknown('XBETWEEN'),
      macros('M', { i: 'second' }),
      mail(),
      unknown('XWITHIN'),
      rcpt(),
      abort,
    ],
    differences: [forgetting('close'), { ...forgetting('unknown XBETWEEN'), offers: SINCE_V3 }],
  },
  {
    name: 'after QUIT_NC',
    plan: LOOKING,
    offers: ['v6', 'v6 that waits'],
    script: [...CONNECT, ...HELO, ...fullMessage('first'), quitNc, connect(), helo(), ...message()],
    differences: [forgetting('close j=')],
  },
]);

const ENVELOPE: Plan = { phases: ['mail', 'rcpt', 'eom'], macros: ['i', '{rcpt_addr}'] };

describeScenarios('macros that a command does not have', [
  {
    name: 'the second recipient',
    plan: ENVELOPE,
    script: [
      connect(),
      helo(),
      mail(),
      macros('R', { '{rcpt_addr}': 'one@example.com' }),
      rcpt('<one@example.com>'),
      rcpt('<two@example.com>'),
      macros('R', {}),
      rcpt('<three@example.com>'),
      ...CONTENT,
    ],
    differences: [
      {
        name: 'macros belong to their command',
        forgets: { lines: ['rcpt two', 'rcpt three', 'eom'], macros: ['{rcpt_addr}'] },
      },
    ],
  },
  {
    name: 'the second message',
    plan: { ...ENVELOPE, phases: ['mail', 'rcpt'] },
    script: [
      connect(),
      helo(),
      macros('M', { i: 'first' }),
      ...message(),
      ...message('<second@example.org>', '<second@example.com>'),
    ],
    differences: [
      {
        name: 'macros end with their message',
        forgets: { lines: ['mail second', 'rcpt second'], macros: ['i'] },
      },
    ],
  },
  {
    name: 'the greeting that gives a message up has its own',
    plan: { phases: ['helo', 'mail', 'abort'], macros: ['{tls_version}', 'i'] },
    script: [
      connect(),
      macros('H', { '{tls_version}': 'TLSv1.3' }),
      helo('first'),
      macros('M', { i: 'message' }),
      mail(),
      macros('H', { '{tls_version}': 'TLSv1.2' }),
      helo('second'),
      abort,
    ],
    differences: [
      {
        name: 'macros belong to their command',
        onlyLibmilter: ['abort {tls_version}=TLSv1.2 i=message'],
        onlyPostern: ['abort {tls_version}=TLSv1.3 i=message'],
      },
    ],
  },
  {
    name: 'empty values',
    plan: { phases: ['connect', 'mail'], macros: ['j', 'i'] },
    script: [macros('C', { j: '' }), connect(), helo(), macros('M', { i: '' }), ...message()],
    differences: [
      {
        name: 'what is empty is undefined',
        forgets: { lines: ['connect', 'mail'], macros: ['j', 'i'] },
      },
    ],
  },
]);
