/** The examples about a message. */

import type { MilterClient } from '../../src/testing/milter-client.ts';
import { Example } from './example.ts';

let example: Example | undefined;

afterEach(async () => {
  await example?.stop();
  example = undefined;
});

const fieldsOf = (text: string) =>
  example!.said.filter((line) => line.text === text).map(({ fields }) => fields);

describe('mail-from', () => {
  test('logs sender and login', async () => {
    example = await Example.serve('mail-from');
    const mta = await example.mta();
    mta.macros('mail', {
      '{mail_addr}': 'ann@example.org',
      '{auth_type}': 'PLAIN',
      '{auth_authen}': 'ann',
      '{auth_author}': 'ann@example.org',
    });
    expect(await mta.mail('Ann@example.org', 'SIZE=10')).toEqual({ kind: 'continue' });
    expect(fieldsOf('a message begins')).toEqual([
      {
        sender: 'Ann@example.org',
        resolved: 'ann@example.org',
        user: 'ann',
        author: 'ann@example.org',
        type: 'PLAIN',
      },
    ]);
  });

  test('refuses one sender, and only that one', async () => {
    example = await Example.serve('mail-from');
    const mta = await example.mta();
    expect(await mta.mail('spam-from@example.com')).toEqual({
      kind: 'replycode',
      text: '550 5.7.1 Mail from this sender is refused',
    });
    expect(await mta.mail('no-spam-from@example.com')).toEqual({ kind: 'continue' });
    expect(await mta.mail('')).toEqual({ kind: 'continue' });
    expect(fieldsOf('a message begins')).toEqual([
      { sender: 'spam-from@example.com' },
      { sender: 'no-spam-from@example.com' },
      { sender: '' },
    ]);
  });
});

test('rcpt-to logs each recipient', async () => {
  example = await Example.serve('rcpt-to');
  const mta = await example.mta();
  await mta.mail('a@example.org');
  mta.macros('rcpt', { '{rcpt_addr}': 'bob@example.com', '{rcpt_mailer}': 'local' });
  expect(await mta.rcpt('Bob@example.com')).toEqual({ kind: 'continue' });
  mta.macros('rcpt', { '{rcpt_addr}': 'eve@example.com' });
  expect(await mta.rcpt('eve@example.com', 'NOTIFY=NEVER')).toEqual({ kind: 'continue' });
  expect(fieldsOf('a recipient')).toEqual([
    { address: 'Bob@example.com', resolved: 'bob@example.com', mailer: 'local' },
    { address: 'eve@example.com', resolved: 'eve@example.com' },
  ]);
});

test('header logs each header, in order and decoded', async () => {
  example = await Example.serve('header');
  const mta = await example.mta();
  await mta.mail('a@example.org');
  await mta.rcpt('b@example.com');
  mta.macros('data', { i: '4Xq1' });
  // The MTA does not wait for headers: all verdicts are given at the end of the message.
  expect(await mta.header('From', 'a@example.org')).toBeUndefined();
  await mta.header('Subject', '=?utf-8?q?gr=C3=BC=C3=9Fe?=\n folded');
  await mta.header('Empty', '');
  await mta.eoh();
  expect(await mta.eom()).toMatchObject({ final: { kind: 'continue' }, modifications: [] });
  expect(fieldsOf('a header')).toEqual([
    { queueId: '4Xq1', name: 'From', text: 'a@example.org' },
    { queueId: '4Xq1', name: 'Subject', text: 'grüße folded' },
    { queueId: '4Xq1', name: 'Empty', text: '' },
  ]);
});

describe('body', () => {
  test('sees the first chunk; the MTA is told to skip the rest', async () => {
    example = await Example.serve('body');
    const mta = await example.mta();
    await beginMessage(mta);
    expect(await mta.body('First line\r\nSecond\r\n'.repeat(10_000))).toEqual({ kind: 'skip' });
    expect(await mta.eom()).toMatchObject({ final: { kind: 'continue' } });
    expect(fieldsOf('the body begins')).toEqual([{ bytes: 1024, firstLine: 'First line' }]);
  });

  test('a short body is taken whole', async () => {
    example = await Example.serve('body');
    const mta = await example.mta();
    await beginMessage(mta);
    expect(await mta.body('Hello\r\n')).toEqual({ kind: 'continue' });
    await mta.eom();
    expect(fieldsOf('the body begins')).toEqual([{ bytes: 7, firstLine: 'Hello' }]);
  });

  test('is not called again after skip()', async () => {
    example = await Example.serve('body');
    const mta = await example.mta();
    for (const first of ['one\r\n', 'two\r\n']) {
      await beginMessage(mta);
      await mta.body(first);
      await mta.body('more\r\n');
      await mta.eom();
    }
    expect(fieldsOf('the body begins')).toEqual([
      { bytes: 5, firstLine: 'one' },
      { bytes: 5, firstLine: 'two' },
    ]);
  });
});

describe('eom', () => {
  async function play(sender: string, recipient: string) {
    example = await Example.serve('eom');
    const mta = await example.mta();
    mta.macros('connect', { j: 'mx.example.com' });
    await mta.connectInfo();
    await mta.mail(sender);
    await mta.rcpt('c@example.com');
    await mta.rcpt(recipient);
    await mta.header('Subject', 'hello');
    mta.macros('eom', { i: '4Xq1' });
    return mta.eom();
  }
  const added = { kind: 'addheader', name: 'X-Pmilter', value: ' Enable' };

  test('logs the message and adds a header', async () => {
    const before = Date.now();
    const { modifications, final } = await play('a@example.org', 'b@example.com');
    expect(modifications).toEqual([added]);
    expect(final).toEqual({ kind: 'continue' });
    const [fields] = fieldsOf('a message ended') as { time: string }[];
    expect(fields).toMatchObject({ hostname: 'mx.example.com', queueId: '4Xq1' });
    expect(Date.parse(fields!.time)).toBeGreaterThanOrEqual(before);
  });

  test('changes one sender', async () => {
    const { modifications } = await play('change-from@example.com', 'b@example.com');
    expect(modifications).toEqual([{ kind: 'chgfrom', address: '<new-from@example.com>' }, added]);
  });

  test('adds a recipient to one recipient', async () => {
    const { modifications } = await play('a@example.org', 'add-to@example.com');
    expect(modifications).toEqual([{ kind: 'addrcpt', address: '<new-to@example.com>' }, added]);
  });
});

async function beginMessage(mta: MilterClient): Promise<void> {
  await mta.mail('a@example.org');
  await mta.rcpt('b@example.com');
}
