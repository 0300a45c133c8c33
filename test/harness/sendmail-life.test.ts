import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { groupMembers } from './process-group.ts';
import { startProcess } from './processes.ts';
import { startReceiver } from './receiver.ts';
import { describeWith } from './requirements.ts';
import { startSendmail } from './sendmail.ts';
import { SmtpClient } from './smtp-client.ts';
import { send } from './smtp-session.ts';
import { pollFor } from './waiting.ts';

const MESSAGE = {
  from: 'sender@example.org',
  to: 'recipient@example.com',
  message: 'Subject: x\r\n\r\nbody\r\n',
};

describeWith(['sendmail'], 'the life of a Sendmail', () => {
  const receiverPort = 9;
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  /** With a receiver that answers so. */
  async function started(answer?: (command: string) => string | undefined) {
    const receiver = await startReceiver(answer ? { answer } : {});
    stops.push(() => receiver.close());
    const sendmail = await startSendmail({ services: [{}], receiverPort: receiver.port });
    stops.unshift(() => sendmail.stop());
    return { receiver, sendmail };
  }

  test('leaves nothing behind after a stop, not even in the middle of sessions', async () => {
    const sendmail = await startSendmail({ services: [{}], receiverPort });
    expect(sendmail.log()).toBe('');
    const client = await SmtpClient.connect(sendmail.ports[0] ?? 0);
    await client.ehlo();
    expect(groupMembers(sendmail.pid).length).toBeGreaterThan(1);
    await sendmail.stop();
    await client.closed;
    expect(groupMembers(sendmail.pid)).toEqual([]);
    expect(existsSync(sendmail.directory)).toBe(false);
    expect(sendmail.log()).toContain('<<< EHLO');
    await sendmail.stop();
  });

  test('has delivered what it took, unchanged, under its Received header', async () => {
    const { receiver, sendmail } = await started();
    // Without From, Date and Message-Id Sendmail would add them.
    const header = `From: a@example.org\r\nDate: today\r\nMessage-Id: <1@example.org>\r\nSubject: ${'x'.repeat(1500)}\r\nX-Raw:\ta\x80\xff\r\n  b\r\n`;
    const content = `${header}\r\n${'y'.repeat(5000)}\r\n\x80\xff\r\n`;
    const message = Buffer.from(content, 'latin1');
    const { end } = await send({ ...MESSAGE, port: sendmail.ports[0]!, message });
    expect(end?.code).toBe(250);
    const [received] = receiver.messages;
    expect(received?.headers()[0]?.name).toBe('Received');
    expect(received?.header('Received')).toContain('by mx.postern.test');
    expect(received?.data.toString('latin1').slice(-content.length)).toBe(content);
    expect(await sendmail.queue()).toEqual([]);
  });

  test('keeps what the next hop does not want yet in its queue', async () => {
    const { sendmail } = await started((command) =>
      command.startsWith('RCPT') ? '450 4.2.0 Later' : undefined,
    );
    await send({ ...MESSAGE, port: sendmail.ports[0]! });
    const entry = await sendmail.waitForQueue(({ queueName }) => queueName === 'deferred');
    expect(entry).toMatchObject({
      sender: MESSAGE.from,
      recipients: [{ address: MESSAGE.to }],
      quarantineReason: undefined,
    });
    await sendmail.waitForLog(`${entry.queueId} Message accepted`);
  });

  test.each([
    ['an option that does not exist', { NoSuchOption: '1' }, 'unknown option name NoSuchOption'],
    ['a user who does not exist', { RunAsUser: 'nobody-here' }, 'unknown user nobody-here'],
    ['a port that does not exist', { DaemonPortOptions: 'Port=nowhere' }, 'service "nowhere"'],
  ])('does not start with %s', async (_, settings: Record<string, string>, reason) => {
    const start = startSendmail({ services: [{}], receiverPort, settings });
    await expect(start).rejects.toThrow(new RegExp(`Sendmail did not start: .*${reason}`, 's'));
  });

  test('does not start with a filter whose address makes no sense', async () => {
    const start = startSendmail({ services: [{ milter: 'inet:nowhere' }], receiverPort });
    await expect(start).rejects.toThrow('bad address nowhere');
  });

  test('and its folder end with a test run that is killed', async () => {
    const script = `
      import { startSendmail } from '${join(import.meta.dirname, 'sendmail.ts')}';
      const { directory, pid } = await startSendmail({ services: [{}], receiverPort: 9 });
      console.log(JSON.stringify({ directory, pid }));
      process.kill(process.pid, 'SIGKILL');`;
    const run = await startProcess({
      command: process.execPath,
      args: ['--input-type=module', '-e', script],
    });
    const line = await run.waitForLine((each) => each.startsWith('{'));
    const { directory, pid } = JSON.parse(line);
    await run.stop();
    const isGone = () => groupMembers(pid).length === 0 && !existsSync(directory);
    await pollFor(() => isGone() || undefined, {
      timeoutMs: 5_000,
      failure: () => `left: processes ${groupMembers(pid)}, folder: ${existsSync(directory)}`,
    });
  });
});
