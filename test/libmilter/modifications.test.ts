/** Changes at the end of a message: the same bytes. */

import {
  add,
  change,
  changing,
  drop,
  insert,
  MESSAGE,
  newBody,
  POSTFIX,
  progress,
  quarantine,
  recipient,
  remove,
  SENDMAIL,
  sender,
} from './changes.ts';
import { type PlanChange, verdict } from './plan.ts';
import { describeScenarios, type Scenario } from './scenarios.ts';
import { mail } from './script.ts';

const CHANGES: Readonly<Record<string, readonly PlanChange[]>> = {
  'a header at the end': [add('X-Added', 'value')],
  'two headers at the end': [add('X-Added', 'one'), add('X-Other', 'two')],
  'a header above everything': [insert(0, 'X-Top', 'value')],
  "a header below the MTA's own": [insert(1, 'X-Top', 'value')],
  'a changed header': [change('Subject', 1, 'Another')],
  'a header changed by its number': [change('X-Many', 2, 'TWO')],
  'a deleted header': [remove('Subject', 1)],
  'a header deleted by its number': [remove('x-many', 3)],
  'a folded value': [add('X-Folded', 'one\n\ttwo\n three')],
  'an empty value': [add('X-Empty', '')],
  'a long value': [add('X-Long', 'x'.repeat(3000))],
  'a value with spaces around': [add('X-Spaces', '  value  ')],
  sender: [sender('<other@example.net>')],
  'null sender': [sender('<>')],
  'sender with arguments': [sender('<other@example.net>', 'RET=HDRS ENVID=abc')],
  'a recipient': [recipient('<added@example.net>')],
  'a recipient with arguments': [recipient('<added@example.net>', 'NOTIFY=NEVER')],
  'a recipient less': [drop('<second@example.com>')],
  'a new body': [newBody('New.\r\n\r\n.dot\r\n')],
  'a new body of one chunk': [newBody('x'.repeat(65_535))],
  'a new body of one chunk and a byte': [newBody('x'.repeat(65_536))],
  'a new body of four chunks': [newBody('y'.repeat(200_000))],
  'an empty body': [newBody('')],
  quarantine: [quarantine('looks odd')],
  'a sign of life': [progress],
  'nothing at all': [],
  'all of it': [
    progress,
    sender('<other@example.net>'),
    recipient('<added@example.net>'),
    drop('<second@example.com>'),
    change('Subject', 1, 'Another'),
    add('X-Added', 'value'),
    insert(0, 'X-Top', 'value'),
    quarantine('looks odd'),
    newBody('New.\r\n'),
  ],
};

describeScenarios(
  'changes',
  Object.entries(CHANGES).flatMap(([name, changes]): Scenario[] => {
    const needsV6 = changes.some(
      (each) => each.kind === 'chgfrom' || (each.kind === 'addrcpt' && each.args !== undefined),
    );
    return [
      {
        name,
        plan: changing(...changes),
        script: [...POSTFIX, ...MESSAGE],
        offers: needsV6 ? ['v6', 'v6 that waits'] : ['v6', 'v6 that waits', 'v2'],
      },
      { name: `${name}, Sendmail`, plan: changing(...changes), script: SENDMAIL, offers: ['v6'] },
    ];
  }),
);

describeScenarios('changes and accept', [
  {
    name: 'go together',
    plan: {
      ...changing(add('X-Added', 'value'), newBody('New.\r\n')),
      rules: [{ phase: 'eom', verdict: verdict('accept') }],
    },
    script: POSTFIX,
  },
]);

describeScenarios('changes of a message with SMTPUTF8', [
  {
    name: 'are UTF-8',
    plan: changing(
      sender('<grüße@example.org>'),
      add('X-Added', 'Grüße'),
      quarantine('für später'),
    ),
    script: POSTFIX.map((step) =>
      step.kind === 'mail' ? mail('<sender@example.org>', 'SMTPUTF8') : step,
    ),
    offers: ['v6', 'v6 that waits'],
  },
]);
