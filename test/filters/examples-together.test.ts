/** All examples on one listener, as pmilter runs its handlers: one session through every phase. */

import { Example, exampleSource } from './example.ts';

const NAMES = [
  'connect',
  'helo',
  'mail-from',
  'rcpt-to',
  'header',
  'body',
  'eom',
  'init',
  'exit',
] as const;

let example: Example | undefined;

afterEach(() => example?.stop());

test('each has its say, in the order of the phases', async () => {
  example = await Example.serveSources(NAMES.map(exampleSource));
  const mta = await example.mta();
  mta.macros('connect', { j: 'mx.example.com', '{daemon_name}': 'smtpd' });
  await mta.connectInfo();
  await mta.helo();
  await mta.mail('change-from@example.com');
  await mta.rcpt('add-to@example.com');
  await mta.data();
  await mta.header('Subject', 'hello');
  await mta.header('X-Other', 'more');
  await mta.eoh();
  await mta.body('Hello\r\n');
  expect(await mta.eom()).toMatchObject({
    modifications: [{ kind: 'chgfrom' }, { kind: 'addrcpt' }, { kind: 'addheader' }],
    final: { kind: 'continue' },
  });
  await mta.quit();
  await example.close();
  const said = example.said.map(({ filter }) => filter);
  expect([...new Set(said)]).toEqual([
    'init',
    'connect',
    'helo',
    'mail-from',
    'rcpt-to',
    'header',
    'body',
    'eom',
    'exit',
  ]);
  expect(said.filter((name) => name === 'header')).toHaveLength(2);
  expect(example.complaints).toEqual([]);
});
