import { parseQueueFile } from './sendmail-queue.ts';

describe('a control file of Sendmail’s queue', () => {
  const FILE = [
    'V8',
    'T1795204256',
    'P30014',
    'qlooks odd; (really)',
    'Fs',
    '$_localhost [127.0.0.1]',
    'S<sender@example.org>',
    'rRFC822; one@example.com',
    'RPFD:<one@example.com>',
    'RPFD:<two:colon@example.com>',
    'H?P?Return-Path: <g>',
    'H??Subject: x',
    '.',
    '',
  ].join('\n');

  test('tells who gets the message and why it is held', () => {
    expect(parseQueueFile('hf6AKJoujD009663', FILE)).toEqual({
      queueName: 'hold',
      queueId: '6AKJoujD009663',
      sender: 'sender@example.org',
      recipients: [{ address: 'one@example.com' }, { address: 'two:colon@example.com' }],
      quarantineReason: 'looks odd; (really)',
    });
  });

  test('of a message that is only late has no reason; the null sender is empty', () => {
    const file = FILE.replace(/^q.*\n/m, '').replace('sender@example.org', '');
    expect(parseQueueFile('qf6AKJoujD009663', file)).toMatchObject({
      queueName: 'deferred',
      sender: '',
      quarantineReason: undefined,
    });
  });
});
