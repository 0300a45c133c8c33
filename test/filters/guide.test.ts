/** What docs/guide/from-pmilter.md shows is what runs. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Example, exampleSource } from './example.ts';

const GUIDE = readFileSync(join(__dirname, '..', '..', 'docs', 'guide', 'from-pmilter.md'), 'utf8');
const blocks = [...GUIDE.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!);

let example: Example | undefined;

afterEach(async () => {
  await example?.stop();
  example = undefined;
});

test('the first filter is the example', () => {
  expect(blocks[0]).toBe(exampleSource('mail-from').source);
});

test('the counter lets ten messages a minute through to a domain', async () => {
  example = await Example.serveSources([{ name: 'counter', source: blocks[1]! }]);
  const mta = await example.mta();
  await mta.mail('a@example.org');
  for (let count = 0; count < 10; count += 1) {
    expect(await mta.rcpt(`user${count}@Example.com`)).toEqual({ kind: 'continue' });
  }
  expect(await mta.rcpt('one-more@example.com')).toEqual({
    kind: 'replycode',
    text: '451 4.7.1 Too many messages to example.com, retry later',
  });
  expect(await mta.rcpt('a@example.net')).toEqual({ kind: 'continue' });
});

test('every setting, method and status of pmilter has its line', () => {
  const phases = ['connect', 'helo', 'envfrom', 'envrcpt', 'header', 'eoh', 'body', 'eom'];
  const all = [...phases, 'abort', 'close', 'unknown', 'data', 'postconfig', 'master_exit'];
  for (const phase of all) expect(GUIDE).toContain(`mruby_${phase}_handler\``);
  for (const status of ['CONTINUE', 'REJECT', 'DISCARD', 'ACCEPT', 'TEMPFAIL', 'NOREPLY', 'SKIP']) {
    expect(GUIDE).toContain(`| \`SMFIS_${status}\` `);
  }
});
