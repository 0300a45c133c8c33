import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { startReceiver } from './receiver.ts';
import { SmtpClient } from './smtp-client.ts';
import { dataContent } from './smtp-content.ts';
import { ReplyParser } from './smtp-reply.ts';
import { send } from './smtp-session.ts';
import { SmtpWire } from './smtp-wire.ts';

describe('message content', () => {
  test.each([
    ['', '.\r\n'],
    ['a', 'a\r\n.\r\n'],
    ['a\r\n', 'a\r\n.\r\n'],
    ['a\nb\r\nc\n', 'a\r\nb\r\nc\r\n.\r\n'],
    ['.\n.\n..\na.\n', '..\r\n..\r\n...\r\na.\r\n.\r\n'],
    ['ë\n', 'Ã«\r\n.\r\n'],
    [Buffer.from('a\n.b\r\xff', 'latin1'), 'a\n..b\r\xff\r\n.\r\n'],
  ])('of %j', (message, content) => {
    expect(dataContent(message).toString('latin1')).toBe(content);
  });
});

describe('replies', () => {
  const bytes = '250-one\r\n250-\r\n250 three\r\n421\r\n';
  const replies = [
    { code: 250, lines: ['one', '', 'three'], text: '250-one\n250-\n250 three' },
    { code: 421, lines: [''], text: '421' },
  ];

  test('are put together from pieces of any size', () => {
    for (let size = 1; size <= bytes.length; size++) {
      const parser = new ReplyParser();
      const pieces = bytes.match(new RegExp(`.{1,${size}}`, 'gs')) ?? [];
      expect(pieces.flatMap((piece) => parser.push(piece))).toEqual(replies);
    }
  });

  test.each(['hello', '25 x', '2500 x', ''])('are not %j', (line) => {
    expect(() => new ReplyParser().push(`${line}\r\n`)).toThrow('expected an SMTP reply');
  });
});

describe('a client', () => {
  let server: Server;
  let serve: (socket: Socket) => void;
  let port: number;

  beforeAll((done) => {
    server = createServer((socket) => {
      // Read from the start, or the end of the connection would not be noticed either.
      serve(socket.on('error', () => {}).resume());
    });
    server.listen(0, '127.0.0.1', () => {
      port = (server.address() as AddressInfo).port;
      done();
    });
  });
  afterAll((done) => void server.close(done));

  test('takes a refusing greeting as a reply', async () => {
    serve = (socket) => socket.end('554-no\r\n554 way\r\n');
    const client = await SmtpClient.connect(port);
    expect(client.greeting.lines).toEqual(['no', 'way']);
    await client.closed;
  });

  test('says what happened when the server hangs up', async () => {
    serve = (socket) => {
      socket.write('220 hello\r\n');
      socket.once('data', () => socket.end());
    };
    const client = await SmtpClient.connect(port);
    await expect(client.pipeline(['EHLO x', 'NOOP'])).rejects.toThrow(
      'the server closed the connection\nlast lines of the dialogue:\nS: 220 hello\nC: EHLO x\nC: NOOP',
    );
    await expect(client.command('NOOP')).rejects.toThrow('the server closed the connection');
  });

  test('does not wait for ever for a reply', async () => {
    serve = (socket) => socket.write('220 hello\r\n');
    const client = await SmtpClient.connect(port, { timeoutMs: 50 });
    await expect(client.ehlo()).rejects.toThrow(/no reply in 50 ms.*C: EHLO client\.test/s);
    await client.closed;
  });

  test('refuses what is not SMTP', async () => {
    serve = (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n');
    await expect(SmtpClient.connect(port)).rejects.toThrow('expected an SMTP reply, got "HTTP');
  });

  test('sends a pipeline in one write', async () => {
    const writes: string[] = [];
    const socket = new Duplex({
      read: () => {},
      write: (chunk, _, done) => {
        writes.push(String(chunk));
        socket.push('250 1\r\n250 2\r\n');
        done();
      },
    });
    const greeting = { code: 220, lines: ['hello'], text: '220 hello' };
    const client = new SmtpClient(new SmtpWire(socket as Socket, 1_000), greeting);
    const replies = await client.pipeline(['RSET', 'NOOP']);
    expect(replies.map(({ lines }) => lines[0])).toEqual(['1', '2']);
    expect(writes).toEqual(['RSET\r\nNOOP\r\n']);
    client.destroy();
    await client.closed;
  });

  test('writes XCLIENT values as xtext', async () => {
    serve = (socket) => {
      socket.write('220 hello\r\n');
      socket.on('data', (chunk) => socket.write(`250 ${chunk}`));
    };
    const client = await SmtpClient.connect(port);
    const { text } = await client.xclient({ ADDR: '::1', NAME: '[UNAVAILABLE]', LOGIN: 'a+b =ë' });
    expect(text).toBe('250 XCLIENT ADDR=IPV6:::1 NAME=[UNAVAILABLE] LOGIN=a+2Bb+20+3D+C3+AB');
    client.destroy();
  });
});

describe('a session', () => {
  const message = 'Subject: x\n\n';
  /** The phases that were reached when the server gives this answer to this command. */
  async function phases(command: string, reply: string): Promise<readonly string[]> {
    const receiver = await startReceiver({
      answer: (line) => (line.startsWith(command) ? reply : undefined),
    });
    const to = ['b@example.net', 'c@example.net'];
    const transcript = await send({ port: receiver.port, from: '', to, message });
    await receiver.close();
    return Object.entries(transcript).flatMap(([phase, replies]) =>
      [replies ?? []].flat().map(({ code }) => `${phase} ${code}`),
    );
  }

  test.each([
    ['EHLO', '502 No', 'ehlo 502, quit 221'],
    ['MAIL', '550 No', 'ehlo 250, mail 550, quit 221'],
    ['RCPT', '550 No', 'ehlo 250, mail 250, rcpt 550, rcpt 550, quit 221'],
    ['RCPT TO:<b', '550 No', 'ehlo 250, mail 250, rcpt 550, rcpt 250, data 354, end 250, quit 221'],
    ['RCPT', '421 Bye', 'ehlo 250, mail 250, rcpt 421'],
    ['DATA', '451 No', 'ehlo 250, mail 250, rcpt 250, rcpt 250, data 451, quit 221'],
    ['.', '550 No', 'ehlo 250, mail 250, rcpt 250, rcpt 250, data 354, end 550, quit 221'],
  ])('in which %s gets "%s"', async (command, reply, reached) => {
    expect((await phases(command, reply)).join(', ')).toBe(`greeting 220, ${reached}`);
  });
});
