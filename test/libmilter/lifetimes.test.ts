/** What ends messages and connections, in every state of them. */

import type { Difference } from './differences.ts';
import { ALL, type Plan, type PlanPhase, verdict } from './plan.ts';
import { describeScenarios, type Scenario } from './scenarios.ts';
import {
  abort,
  BODY,
  connect,
  data,
  eof,
  eoh,
  eom,
  HEADERS,
  helo,
  mail,
  message,
  quit,
  quitNc,
  rcpt,
  type Script,
  type Step,
  unknown,
} from './script.ts';

const PLAN: Plan = { phases: ALL };

/** A session until some state, by the name of the last event. */
const WHOLE: readonly (readonly [name: string, ...steps: Step[]])[] = [
  ['connect', connect()],
  ['helo', helo()],
  ['mail', mail()],
  ['rcpt', rcpt()],
  ['second rcpt', rcpt('<second@example.com>')],
  ['data', data],
  ['header', ...HEADERS],
  ['eoh', eoh],
  ['body', ...BODY],
  ['eom', eom],
];

const STATES = WHOLE.map(
  ([name], at) => [name, WHOLE.slice(0, at + 1).flatMap(([, ...steps]) => steps)] as const,
);

/** What comes then. */
const ENDS: Readonly<Record<string, Script>> = {
  abort: [abort],
  'abort twice': [abort, abort],
  helo: [helo('again')],
  'helo, then abort, as Postfix': [helo('again'), abort],
  'abort, then helo, as Sendmail': [abort, helo('again')],
  'another mail': [mail('<other@example.org>'), rcpt(), abort],
  'unknown command, abort': [unknown('XWHAT'), abort],
  'end of the stream': [eof],
  quit: [quit],
};

const SINCE_V3 = ['v6', 'v6 that waits', 'v4', 'v3'];

const HEADER_LINES = [
  'header From Sender%20<sender@example.org>',
  'header To recipient@example.com',
  'header Subject A%20message',
];

function differencesOf(state: string, end: string): readonly Difference[] {
  const differences: Difference[] = [];
  if (state === 'header') {
    differences.push({ name: 'headers come together', onlyLibmilter: HEADER_LINES });
  }
  if (end === 'unknown command, abort') {
    if (['connect', 'helo', 'eom'].includes(state)) {
      differences.push({
        name: 'abort is for messages',
        onlyLibmilter: ['abort'],
        offers: SINCE_V3,
      });
    }
    if (['data', 'header', 'eoh', 'body'].includes(state)) {
      differences.push({
        name: 'an unknown command ends nothing',
        onlyLibmilter: ['abort'],
        offers: SINCE_V3,
      });
    }
  }
  return differences;
}

describeScenarios(
  'a session goes on',
  STATES.flatMap(([state, steps]) =>
    Object.entries(ENDS).map(([end, then]): Scenario => {
      const last = then.at(-1)!.kind;
      const goesOn = last !== 'eof' && last !== 'quit';
      return {
        name: `after ${state}: ${end}`,
        plan: PLAN,
        script: [...steps, ...then, ...(goesOn ? message() : [])],
        offers: ['v6', 'v6 that waits', 'v2'],
        differences: differencesOf(state, end),
      };
    }),
  ),
);

describeScenarios('a message that is given up after a verdict', [
  {
    name: 'on its envelope',
    plan: { phases: ALL, rules: [{ phase: 'data', verdict: verdict('reject') }] },
    script: [connect(), helo(), mail(), rcpt(), data, abort, ...message()],
  },
  {
    name: 'on its content',
    plan: { phases: ALL, rules: [{ phase: 'eoh', verdict: verdict('reject') }] },
    script: [connect(), helo(), mail(), rcpt(), data, eoh, abort, mail(), rcpt()],
    differences: [{ name: 'content is judged at its end', onlyPostern: ['abort'] }],
  },
]);

describeScenarios('another connection on the same socket', [
  {
    name: 'after a message: QUIT_NC',
    plan: PLAN,
    script: [
      ...WHOLE.flatMap(([, ...steps]) => steps),
      quitNc,
      connect('second.example.org', '2001:db8::1', 'inet6'),
      helo('second'),
      ...message(),
    ],
    offers: ['v6', 'v6 that waits'],
  },
]);

/** Two messages, the first refused in part, a greeting between them, one that is given up. */
const BUSY: Script = [
  connect(),
  helo(),
  mail(),
  rcpt(),
  rcpt('<second@example.com>'),
  data,
  ...HEADERS,
  eoh,
  ...BODY,
  eom,
  abort,
  helo('again'),
  abort,
  ...message('<other@example.org>'),
  mail(),
  rcpt(),
  abort,
  mail(),
  rcpt(),
  eof,
];

const ABORT = 'abort';

/** How often libmilter aborts in that session where MAIL is not sent; two messages are given up. */
const abortsOf = (phase: PlanPhase) => (phase === 'rcpt' ? 4 : 3);

describeScenarios('filters with few phases', [
  ...ALL.map(
    (phase): Scenario => ({
      name: `${phase} alone`,
      plan: { phases: phase === ABORT ? ['mail', ABORT] : [phase] },
      script: BUSY,
    }),
  ),
  ...ALL.filter((phase) => phase !== ABORT && phase !== 'mail').map(
    (phase): Scenario => ({
      name: `${phase} and abort`,
      plan: { phases: [phase, ABORT] },
      script: BUSY,
      differences: [
        {
          name: 'abort is for messages',
          onlyLibmilter: Array(abortsOf(phase)).fill(ABORT),
          onlyPostern: [ABORT, ABORT],
        },
      ],
    }),
  ),
  ...(
    [
      ['connect', 'eom', 'close'],
      ['header', 'body', 'eom'],
      ['rcpt', 'data', 'eoh'],
    ] as const
  ).map((phases): Scenario => ({ name: phases.join(', '), plan: { phases }, script: BUSY })),
]);
