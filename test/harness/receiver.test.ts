import { ReceivedMessage } from './received-message.ts';
import { startReceiver } from './receiver.ts';
import { ReceiverSession } from './receiver-session.ts';
import { SmtpClient } from './smtp-client.ts';
import { send } from './smtp-session.ts';

const DIALOGUE = Buffer.from(
  [
    'EHLO client.test',
    'MAIL FROM:<"a>b"@example.org> SIZE=10 SMTPUTF8',
    'RCPT TO:<zoë@example.net> NOTIFY=NEVER',
    'RCPT TO:<c@example.net>',
    'DATA',
    'Subject: one',
    '',
    '..dot',
    '...',
    '.',
    'NOOP',
    'QUIT',
    '',
  ].join('\r\n'),
);

/** Codes of the replies, and the messages, when the dialogue comes in pieces of this size. */
function replay(pieceSize: number) {
  const messages: ReceivedMessage[] = [];
  const session = new ReceiverSession({
    onMessage: (message) => messages.push(message),
    onLine: () => {},
    answer: () => undefined,
  });
  let replies = session.greet();
  for (let at = 0; at < DIALOGUE.length; at += pieceSize) {
    replies += session.push(DIALOGUE.subarray(at, at + pieceSize));
  }
  const codes = replies.match(/^\d{3} /gm)?.map(Number);
  return { codes, messages, over: session.over };
}

function content(text: string): ReceivedMessage {
  return new ReceivedMessage({ sender: '', senderArgs: [], recipients: [] }, Buffer.from(text));
}

describe('a receiver session', () => {
  test('keeps envelope and content', () => {
    const { codes, messages, over } = replay(DIALOGUE.length);
    expect(codes).toEqual([220, 250, 250, 250, 250, 354, 250, 250, 221]);
    expect(over).toBe(true);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toMatchObject({
      sender: '"a>b"@example.org',
      senderArgs: ['SIZE=10', 'SMTPUTF8'],
      recipients: [
        { address: 'zoë@example.net', args: ['NOTIFY=NEVER'] },
        { address: 'c@example.net', args: [] },
      ],
    });
    expect(messages[0]?.data.toString()).toBe('Subject: one\r\n\r\n.dot\r\n..\r\n');
  });

  test('does not mind where the bytes are cut', () => {
    const whole = replay(DIALOGUE.length);
    for (let pieceSize = 1; pieceSize < DIALOGUE.length; pieceSize++) {
      expect(replay(pieceSize)).toEqual(whole);
    }
  });
});

describe('a received message', () => {
  test.each([
    ['a fold', 'A: 1\r\n 2\r\nB:3\r\n\r\nbody', { A: '1\r\n 2', B: '3' }, 'body'],
    ['no body', 'A: 1\r\n', { A: '1' }, ''],
    ['no header', '\r\nbody\r\n\r\n', {}, 'body\r\n\r\n'],
    ['no more than one space taken', 'A:  1 \r\n\r\n', { A: ' 1 ' }, ''],
    ['nothing at all', '', {}, ''],
  ])('with %s', (_, text, headers, body) => {
    const message = content(text);
    const fields = message.headers().map(({ name, value }) => [name, value]);
    expect(Object.fromEntries(fields)).toEqual(headers);
    expect(message.body()).toBe(body);
  });

  test('gives the first header of a name in any case', () => {
    const message = content('X-A: 1\r\nx-a: 2\r\n\r\n');
    expect(message.header('x-A')).toBe('1');
    expect(message.header('x-b')).toBeUndefined();
    expect(message.headers()).toHaveLength(2);
  });
});

describe('a receiver', () => {
  const message = 'Subject: x\n\n';
  const from = 'a@example.org';

  test('hands out each message once, to the one who waits for it', async () => {
    const receiver = await startReceiver();
    const { port } = receiver;
    const first = receiver.next();
    const third = receiver.nextTo('3@example.net');
    for (const to of ['1@example.net', '2@example.net', '3@example.net']) {
      await send({ port, from, to, message });
    }
    expect((await first).recipients[0]?.address).toBe('1@example.net');
    expect((await third).recipients[0]?.address).toBe('3@example.net');
    expect((await receiver.next()).recipients[0]?.address).toBe('2@example.net');
    expect(receiver.messages).toHaveLength(3);
    await receiver.close();
  });

  test('keeps two messages apart that come at once', async () => {
    const receiver = await startReceiver();
    const client = await SmtpClient.connect(receiver.port);
    const first = receiver.next();
    const transaction = ['MAIL FROM:<>', 'RCPT TO:<b@example.net>', 'DATA', 'A: x', '.', ''];
    client.write(transaction.join('\r\n').repeat(2));
    await first;
    await receiver.next();
    client.destroy();
    await receiver.close();
  });

  test('tells what came when the message does not', async () => {
    const receiver = await startReceiver();
    await send({ port: receiver.port, from, to: 'other@example.net', message });
    await expect(receiver.nextTo('b@example.net', 20)).rejects.toThrow(
      /a message to b@example\.net did not come in 20 ms.*<a@example\.org> to other@.*S: 221/s,
    );
    // Nobody waits any more, so that a late message is not lost.
    await send({ port: receiver.port, from, to: 'b@example.net', message });
    await receiver.nextTo('b@example.net');
    await receiver.close();
  });

  test('gives the answers of the test', async () => {
    const receiver = await startReceiver({
      answer: (command) => (command === '.' ? '550 5.7.1 No' : undefined),
    });
    const { end } = await send({ port: receiver.port, from, to: 'b@example.net', message });
    expect(end?.text).toBe('550 5.7.1 No');
    expect(receiver.messages).toEqual([]);
    await receiver.close();
  });

  test('refuses what comes out of order', async () => {
    const receiver = await startReceiver();
    const client = await SmtpClient.connect(receiver.port);
    const replies = await client.pipeline([
      'RCPT TO:<b@example.net>',
      'DATA',
      'MAIL FROM:a',
      'MAIL FROM:<>',
      'MAIL FROM:<>',
      'RSET',
      'DATA',
      'WHAT',
    ]);
    expect(replies.map(({ code }) => code)).toEqual([503, 503, 501, 250, 503, 250, 503, 500]);
    await receiver.close();
    await client.closed;
    await receiver.close();
  });
});
