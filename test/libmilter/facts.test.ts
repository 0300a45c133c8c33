/** What filters are told of clients, envelopes, headers and bodies, byte for byte. */

import { ALL, type Plan, verdict } from './plan.ts';
import { describeScenarios, type Scenario } from './scenarios.ts';
import {
  body,
  connect,
  data,
  eoh,
  eom,
  header,
  helo,
  mail,
  rcpt,
  type Script,
  type Step,
  unknown,
} from './script.ts';

const PLAN: Plan = { phases: ALL };
const START: Script = [connect(), helo()];
const ENVELOPE: Script = [...START, mail(), rcpt()];

const told = (name: string, script: Script): Scenario => ({ name, plan: PLAN, script });

/** A message of these headers. */
const headers = (name: string, ...lines: readonly Step[]): Scenario =>
  told(name, [...ENVELOPE, data, ...lines, eoh, eom]);

/** A message of these chunks. */
const chunks = (name: string, ...pieces: readonly Step[]): Scenario =>
  told(name, [...ENVELOPE, data, eoh, ...pieces, eom]);

describeScenarios('clients', [
  told('IPv4', [connect('mx.example.org', '198.51.100.9')]),
  told('IPv6 as Postfix writes it', [connect('mx.example.org', '2001:db8::1', 'inet6')]),
  told('IPv6 as Sendmail writes it', [connect('mx.example.org', 'IPv6:2001:db8::1', 'inet6')]),
  told('a Unix socket', [connect('localhost', '/run/submission.sock', 'unix')]),
  told('nothing is known', [connect('unknown', '', 'unknown')]),
  told('no name', [connect('[192.0.2.7]', '192.0.2.7')]),
  told('greetings', [connect(), helo('[192.0.2.7]'), helo(''), helo('x'.repeat(500))]),
  {
    ...told('a greeting that is no UTF-8', [connect(), helo('\xfcmlaut')]),
    differences: [
      {
        name: 'texts are texts',
        onlyLibmilter: ['helo %FCmlaut'],
        onlyPostern: ['helo %C3%BCmlaut'],
      },
    ],
  },
]);

describeScenarios('envelopes', [
  told('arguments', [
    ...START,
    mail('<a@example.org>', 'SIZE=1234', 'BODY=8BITMIME', 'SMTPUTF8', 'AUTH=<>', 'ENVID=a=b'),
    rcpt('<b@example.com>', 'NOTIFY=SUCCESS,FAILURE', 'ORCPT=rfc822;b@example.com'),
  ]),
  told('the null sender', [...START, mail('<>'), rcpt()]),
  told('no brackets, as Postfix writes local mail', [...START, mail(''), rcpt('b@example.com')]),
  told('quoted and source-routed addresses', [
    ...START,
    mail('<"a b"@example.org>'),
    rcpt('<@relay.example.org:b@example.com>'),
    rcpt('<"<odd>"@example.com>'),
  ]),
  told('UTF-8', [
    ...START,
    mail('<gr\xc3\xbc\xc3\x9fe@example.org>'),
    rcpt('<\xe4\xb8\xad@example.com>'),
  ]),
  told('unknown commands', [
    ...START,
    unknown('XFOO a b'),
    unknown(''),
    mail(),
    unknown('XBAR'),
    rcpt(),
  ]),
  {
    ...told('an unknown command in a message that ends with the connection', [
      ...START,
      mail(),
      unknown('XBAR'),
    ]),
    offers: ['v6', 'v6 that waits', 'v4', 'v3'],
    differences: [{ name: 'an unknown command ends nothing', onlyPostern: ['abort'] }],
  },
]);

describeScenarios('headers', [
  headers('none'),
  headers('an empty value', header('X-Empty', ''), header('X-Space', ' ')),
  headers('spaces', header('X-None', 'a'), header('X-Two', '  a '), header('X-Tab', '\ta')),
  headers('folds', header('X-Folded', ' one\n\ttwo\n three'), header('X-CRLF', ' one\r\n two')),
  headers(
    'bytes that are no UTF-8',
    header('X-Latin', ' Gr\xfc\xdfe'),
    header('X-Utf', ' \xc3\xbc'),
  ),
  headers('encoded words', header('Subject', ' =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=')),
  headers('the case of names', header('SUBJECT', ' a'), header('subject', ' b')),
  headers('a long one', header('X-Long', ` ${'x'.repeat(2000)}`)),
  headers('many', ...Array.from({ length: 200 }, (_, at) => header(`X-${at}`, ` ${at}`))),
]);

describeScenarios('bodies', [
  chunks('none'),
  chunks('line ends in any place', body('a\r'), body('\nb\n'), body('c\r\n')),
  chunks('every byte', body(String.fromCharCode(...Array(256).keys()))),
  chunks('the longest chunks', body('x'.repeat(65_535)), body('y'.repeat(65_535)), body('z')),
  told('a last piece with the end', [
    ...ENVELOPE,
    data,
    eoh,
    body('one'),
    { kind: 'bodyeob', chunk: Buffer.from('two') },
  ]),
  {
    name: 'skipped after the first chunk',
    plan: { phases: ALL, rules: [{ phase: 'body', verdict: verdict('skip') }] },
    script: [...ENVELOPE, data, eoh, body('one'), body('two'), body('three'), eom],
  },
]);
