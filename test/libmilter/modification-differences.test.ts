/** Changes that Postern makes in another way than libmilter does, on purpose. */

import {
  add,
  change,
  changing,
  drop,
  insert,
  newBody,
  POSTFIX,
  progress,
  quarantine,
  remove,
  SENDMAIL,
  sender,
} from './changes.ts';
import type { DifferenceName } from './differences.ts';
import type { OfferName } from './offers.ts';
import { type PlanChange, type PlanVerdict, verdict } from './plan.ts';
import { describeScenarios, type Scenario } from './scenarios.ts';
import { mail, type Script } from './script.ts';

interface Case {
  readonly name: DifferenceName;
  readonly what: string;
  readonly changes: readonly PlanChange[];
  readonly verdict?: PlanVerdict;
  readonly script?: Script;
  readonly offers?: readonly OfferName[];
  readonly libmilter: readonly string[];
  readonly postern: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: 'no changes to what is refused',
    what: 'reject',
    changes: [add('X-A', 'b')],
    verdict: verdict('reject'),
    libmilter: ['h X-A\\0 b\\0', 'r'],
    postern: ['r'],
  },
  {
    name: 'no changes to what is refused',
    what: 'discard',
    changes: [add('X-A', 'b')],
    verdict: verdict('discard'),
    libmilter: ['h X-A\\0 b\\0', 'd'],
    postern: ['d'],
  },
  {
    name: 'changes in one order',
    what: 'sender, headers, quarantine, body',
    changes: [newBody('x\r\n'), quarantine('odd'), add('X-A', 'b'), sender('<x@example.org>')],
    libmilter: ['b x\\r\\n', 'q odd\\0', 'h X-A\\0 b\\0', 'e <x@example.org>\\0', 'c'],
    postern: ['e <x@example.org>\\0', 'h X-A\\0 b\\0', 'q odd\\0', 'b x\\r\\n', 'c'],
  },
  {
    name: 'the last one counts',
    what: 'body',
    changes: [newBody('x\r\n'), newBody('y\r\n')],
    libmilter: ['b x\\r\\n', 'b y\\r\\n', 'c'],
    postern: ['b y\\r\\n', 'c'],
  },
  {
    name: 'the last one counts',
    what: 'sender',
    changes: [sender('<a@example.org>'), sender('<b@example.org>')],
    libmilter: ['e <a@example.org>\\0', 'e <b@example.org>\\0', 'c'],
    postern: ['e <b@example.org>\\0', 'c'],
  },
  {
    name: 'the last one counts',
    what: 'reasons of quarantine are joined',
    changes: [quarantine('one'), quarantine('two')],
    libmilter: ['q one\\0', 'q two\\0', 'c'],
    postern: ['q one; two\\0', 'c'],
  },
  {
    name: 'signs of life are rare',
    what: 'two at once',
    changes: [progress, progress],
    libmilter: ['p', 'p', 'c'],
    postern: ['p', 'c'],
  },
  {
    name: 'header plan',
    what: 'the name is that of the message',
    changes: [remove('X-MANY', 3)],
    libmilter: ['m \\0\\0\\0\\x03X-MANY\\0\\0', 'c'],
    postern: ['m \\0\\0\\0\\x03x-many\\0\\0', 'c'],
  },
  {
    name: 'header plan',
    what: 'an index beyond all headers',
    changes: [insert(1000, 'X-A', 'b')],
    libmilter: ['i \\0\\0\\x03\\xe8X-A\\0 b\\0', 'c'],
    postern: ['h X-A\\0 b\\0', 'c'],
  },
  {
    name: 'header plan',
    what: 'a header changed that is not there',
    changes: [change('X-Many', 7, 'seven')],
    libmilter: ['m \\0\\0\\0\\x07X-Many\\0 seven\\0', 'c'],
    postern: ['h X-Many\\0 seven\\0', 'c'],
  },
  {
    name: 'header plan',
    what: 'a header deleted that is not there',
    changes: [remove('X-Many', 7)],
    libmilter: ['m \\0\\0\\0\\x07X-Many\\0\\0', 'c'],
    postern: ['c'],
  },
  {
    name: 'header plan',
    what: 'the first deleted twice',
    changes: [remove('X-Many', 1), remove('X-Many', 1)],
    libmilter: ['m \\0\\0\\0\\x01X-Many\\0\\0', 'm \\0\\0\\0\\x01X-Many\\0\\0', 'c'],
    postern: ['m \\0\\0\\0\\x02X-Many\\0\\0', 'm \\0\\0\\0\\x01X-Many\\0\\0', 'c'],
  },
  {
    name: 'header plan',
    what: 'a header changed twice',
    changes: [change('Subject', 1, 'a'), change('Subject', 1, 'b')],
    libmilter: ['m \\0\\0\\0\\x01Subject\\0 a\\0', 'm \\0\\0\\0\\x01Subject\\0 b\\0', 'c'],
    postern: ['m \\0\\0\\0\\x01Subject\\0 b\\0', 'c'],
  },
  {
    name: 'header plan',
    what: 'several on top',
    changes: [insert(0, 'X-A', 'a'), insert(0, 'X-B', 'b'), insert(1, 'X-C', 'c')],
    libmilter: [
      'i \\0\\0\\0\\0X-A\\0 a\\0',
      'i \\0\\0\\0\\0X-B\\0 b\\0',
      'i \\0\\0\\0\\x01X-C\\0 c\\0',
      'c',
    ],
    postern: [
      'i \\0\\0\\0\\0X-A\\0 a\\0',
      'i \\0\\0\\0\\0X-C\\0 c\\0',
      'i \\0\\0\\0\\0X-B\\0 b\\0',
      'c',
    ],
  },
  {
    name: 'header plan',
    what: 'Sendmail puts a new header before the old ones of its name',
    changes: [add('X-Many', 'four')],
    script: SENDMAIL,
    libmilter: ['h X-Many\\0 four\\0', 'c'],
    postern: ['i \\0\\x0fB@X-Many\\0 four\\0', 'c'],
  },
  {
    name: 'header plan',
    what: 'Sendmail does not count as filters do in the middle',
    changes: [insert(5, 'X-A', 'above Subject')],
    script: SENDMAIL,
    libmilter: ['i \\0\\0\\0\\x05X-A\\0 above Subject\\0', 'c'],
    postern: [
      'm \\0\\0\\0\\x01Subject\\0\\0',
      'h X-A\\0 above Subject\\0',
      'i \\0\\x0fB@Subject\\0 A message\\0',
      'c',
    ],
  },
  {
    name: 'no accidents with headers',
    what: 'an empty value does not delete',
    offers: ['v6'],
    changes: [change('Subject', 1, '')],
    libmilter: ['m \\0\\0\\0\\x01Subject\\0\\0', 'c'],
    postern: ['m \\0\\0\\0\\x01Subject\\0 \\0', 'c'],
  },
  {
    name: 'no accidents with headers',
    what: 'a line break cannot begin another header',
    changes: [add('X-A', 'b\nBcc: c@example.org')],
    libmilter: ['h X-A\\0 b\\nBcc: c@example.org\\0', 'c'],
    postern: ['t'],
  },
  {
    name: 'no accidents with headers',
    what: 'folds are LF',
    changes: [add('X-A', 'b\r\n\tc')],
    libmilter: ['h X-A\\0 b\\r\\n\\tc\\0', 'c'],
    postern: ['h X-A\\0 b\\n\\tc\\0', 'c'],
  },
  {
    name: 'no accidents with headers',
    what: 'text is encoded (RFC 2047)',
    changes: [add('X-A', 'Grüße')],
    libmilter: ['h X-A\\0 Gr\\xc3\\xbc\\xc3\\x9fe\\0', 'c'],
    postern: ['h X-A\\0 =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\\0', 'c'],
  },
  {
    name: 'no accidents with headers',
    what: 'long lines are folded',
    changes: [add('X-A', `${'a'.repeat(900)} ${'b'.repeat(200)}`)],
    libmilter: [`h X-A\\0 ${'a'.repeat(900)} ${'b'.repeat(200)}\\0`, 'c'],
    postern: [`h X-A\\0 ${'a'.repeat(900)}\\n ${'b'.repeat(200)}\\0`, 'c'],
  },
  {
    name: 'arguments outlive the sender',
    what: 'on Sendmail, which forgets the old where there are new ones',
    changes: [sender('<a@example.org>', 'ENVID=new')],
    script: SENDMAIL.map((step) =>
      step.kind === 'mail' ? mail('<sender@example.org>', 'BODY=8BITMIME', 'ENVID=old') : step,
    ),
    libmilter: ['e <a@example.org>\\0ENVID=new\\0', 'c'],
    postern: ['e <a@example.org>\\0BODY=8BITMIME ENVID=new\\0', 'c'],
  },
  {
    name: 'addresses as the MTA knows them',
    what: 'angle brackets',
    changes: [sender('a@example.org')],
    libmilter: ['e a@example.org\\0', 'c'],
    postern: ['e <a@example.org>\\0', 'c'],
  },
  {
    name: 'addresses as the MTA knows them',
    what: 'the domain in any case',
    changes: [drop('<Recipient@example.com>')],
    libmilter: ['- <Recipient@example.com>\\0', 'c'],
    postern: ['- <Recipient@Example.COM>\\0', 'c'],
  },
];

describeScenarios(
  'changes on purpose made otherwise',
  CASES.map(
    ({ name, what, changes, verdict: given, libmilter, postern, ...rest }): Scenario => ({
      name: `${name}: ${what}`,
      plan: {
        ...changing(...changes),
        ...(given && { rules: [{ phase: 'eom', verdict: given }] }),
      },
      script: rest.script ?? POSTFIX,
      offers: rest.offers ?? ['v6', 'v6 that waits'],
      differences: [{ name, at: 'end of message', libmilter, postern }],
    }),
  ),
);
