/** Each verdict in each phase: the same replies, and the filters hear the same. */

import { ALL, type PlanPhase, type PlanVerdict, reply, verdict } from './plan.ts';
import { describeScenarios, type Scenario } from './scenarios.ts';
import {
  abort,
  CONTENT,
  connect,
  data,
  eoh,
  eom,
  header,
  helo,
  mail,
  message,
  rcpt,
  type Script,
  unknown,
} from './script.ts';

const PHASES: readonly PlanPhase[] = [
  'connect',
  'helo',
  'mail',
  'rcpt',
  'data',
  'unknown',
  'header',
  'eoh',
  'body',
  'eom',
];

const VERDICTS: Readonly<Record<string, PlanVerdict>> = {
  continue: verdict('continue'),
  accept: verdict('accept'),
  reject: verdict('reject'),
  tempfail: verdict('tempfail'),
  discard: verdict('discard'),
  skip: verdict('skip'),
  '550 5.7.1': reply(550, '5.7.1', 'Not here'),
  '451 4.7.1': reply(451, '4.7.1', 'Not now'),
  '554 on three lines': reply(554, '5.7.1', 'One', 'two: 100% sure', 'three'),
  '450 without a status': reply(450, '', 'Try again'),
};

/** What libmilter sends though it means nothing there. */
const MISPLACED: Readonly<Record<string, readonly PlanPhase[]>> = {
  accept: ['unknown'],
  discard: ['connect', 'helo', 'unknown'],
  skip: PHASES.filter((phase) => phase !== 'body'),
};

const isMisplaced = (name: string, phase: PlanPhase) => MISPLACED[name]?.includes(phase) ?? false;

/** Two messages, the first with two recipients; MTAs give each of them up in the end. */
const SCRIPT: Script = [
  connect(),
  helo(),
  unknown('XFIRST'),
  mail(),
  rcpt(),
  rcpt('<second@example.com>'),
  ...CONTENT,
  abort,
  ...message('<other@example.org>'),
  abort,
];

describeScenarios(
  'a verdict for all',
  PHASES.flatMap((phase) =>
    Object.entries(VERDICTS)
      .filter(([name]) => !isMisplaced(name, phase))
      .map(
        ([name, given]): Scenario => ({
          name: `${name} at ${phase}`,
          plan: { phases: ALL, rules: [{ phase, verdict: given }] },
          script: SCRIPT,
          ...(phase === 'rcpt' &&
            name === 'discard' && {
              differences: [
                { name: 'discard at rcpt ends the message', onlyLibmilter: ['abort', 'abort'] },
              ],
            }),
        }),
      ),
  ),
);

describeScenarios('a verdict for some', [
  {
    name: 'the second of three recipients is refused, the third later',
    plan: {
      phases: ALL,
      rules: [
        { phase: 'rcpt', when: 'second', verdict: reply(550, '5.1.1', 'Unknown') },
        { phase: 'rcpt', when: 'third', verdict: verdict('tempfail') },
      ],
    },
    script: [
      connect(),
      helo(),
      mail(),
      rcpt(),
      rcpt('<second@example.com>'),
      rcpt('<third@example.com>', 'NOTIFY=NEVER'),
      ...CONTENT,
      ...message(),
    ],
  },
  {
    name: 'all recipients are refused',
    plan: { phases: ALL, rules: [{ phase: 'rcpt', verdict: verdict('reject') }] },
    script: [connect(), helo(), mail(), rcpt(), rcpt('<second@example.com>'), abort, ...message()],
  },
  {
    name: 'one recipient accepts for the message',
    plan: {
      phases: ALL,
      rules: [{ phase: 'rcpt', when: 'second', verdict: verdict('accept') }],
    },
    script: [
      connect(),
      helo(),
      mail(),
      rcpt(),
      rcpt('<second@example.com>'),
      rcpt('<third@example.com>'),
      ...CONTENT,
      ...message(),
    ],
  },
  {
    name: 'one header',
    plan: {
      phases: ALL,
      rules: [{ phase: 'header', when: 'Subject', verdict: reply(554, '5.6.0', 'No') }],
    },
    script: [connect(), helo(), ...message(), abort, mail(), rcpt(), data, eoh, eom],
  },
  {
    name: 'one of two senders',
    plan: {
      phases: ALL,
      rules: [
        { phase: 'mail', when: 'refused', verdict: verdict('reject') },
        { phase: 'data', when: 'data', verdict: verdict('tempfail') },
        { phase: 'eoh', when: 'eoh', verdict: verdict('discard') },
        { phase: 'body', when: 'body', verdict: reply(552, '5.3.4', 'Too much') },
        { phase: 'eom', when: 'eom', verdict: verdict('reject') },
      ],
    },
    script: [
      connect(),
      helo(),
      ...['refused', 'data', 'eoh', 'good', 'body', 'eom', ''].flatMap((from) => [
        ...message(from === '' ? '<>' : `<${from}@example.org>`),
        abort,
      ]),
    ],
  },
  {
    name: 'one of several greetings and commands',
    plan: {
      phases: ALL,
      rules: [
        { phase: 'unknown', when: 'BAD', verdict: reply(500, '5.5.1', 'What?') },
        { phase: 'helo', when: 'second', verdict: verdict('reject') },
      ],
    },
    script: [connect(), helo(), unknown('GOOD'), unknown('BAD one'), helo('second'), mail()],
  },
]);

/** A short session until just after each phase. */
const UNTIL: Partial<Record<PlanPhase, Script>> = {
  connect: [connect()],
  helo: [connect(), helo()],
  unknown: [connect(), helo(), unknown('XFIRST')],
  mail: [connect(), helo(), mail()],
  rcpt: [connect(), helo(), mail(), rcpt()],
  data: [connect(), helo(), mail(), rcpt(), data],
  header: [connect(), helo(), mail(), rcpt(), data, header('To', ' a'), eoh, eom],
  eoh: [connect(), helo(), mail(), rcpt(), data, eoh, eom],
  eom: [connect(), helo(), mail(), rcpt(), data, eoh, eom],
};

/** The replies that filters' verdicts are on the wire. */
const CODES: Readonly<Record<string, string>> = { accept: 'a', discard: 'd', skip: 's' };

/** Where these phases end for the SMTP client. */
const ENDS: Partial<Record<PlanPhase, string>> = {
  connect: 'connect client.example.org',
  helo: 'helo client.example.org',
  unknown: 'unknown XFIRST',
  mail: 'mail <sender@example.org>',
  rcpt: 'rcpt <recipient@example.com>',
  data: 'data',
};

/** What libmilter's filter still hears, since for libmilter the message goes on. */
const ALSO_HEARD: Partial<Record<PlanPhase, readonly string[]>> = {
  mail: ['abort'],
  data: ['abort'],
  header: ['eoh', 'eom'],
  eoh: ['eom'],
};

describeScenarios(
  'a verdict that means nothing there',
  Object.entries(MISPLACED).flatMap(([name, phases]) =>
    phases.map((phase): Scenario => {
      const isContent = phase === 'header' || phase === 'eoh';
      return {
        name: `${name} at ${phase}`,
        plan: { phases: ALL, rules: [{ phase, verdict: VERDICTS[name]! }] },
        script: UNTIL[phase]!,
        offers: ['v6', 'v6 that waits'],
        differences: [
          {
            name: 'misplaced verdicts fail the filter',
            at: ENDS[phase] ?? 'end of message',
            libmilter: [isContent ? 'c' : CODES[name]!],
            postern: ['t'],
            ...(ALSO_HEARD[phase] && { onlyLibmilter: ALSO_HEARD[phase] }),
          },
        ],
      };
    }),
  ),
);
