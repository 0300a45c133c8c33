import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { startPostfix } from './postfix.ts';
import { groupMembers } from './process-group.ts';
import { startProcess } from './processes.ts';
import { describeWith } from './requirements.ts';
import { SmtpClient } from './smtp-client.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { pollFor } from './waiting.ts';

describeWith(['postfix'], 'the life of a Postfix', () => {
  const receiverPort = 9;

  test('leaves nothing behind after a stop, not even in the middle of sessions', async () => {
    const postfix = await startPostfix({ services: [{}], receiverPort });
    expect(postfix.log()).toBe('');
    const client = await SmtpClient.connect(postfix.ports[0] ?? 0);
    await client.ehlo();
    expect(groupMembers(postfix.pid).length).toBeGreaterThan(1);
    await postfix.stop();
    await client.closed;
    expect(groupMembers(postfix.pid)).toEqual([]);
    expect(existsSync(postfix.directory)).toBe(false);
    expect(postfix.log()).toContain('connect from');
    await postfix.stop();
  });

  test.each([
    ['a name that does not exist', { smtpd_eror_limit: '1' }, 'unused parameter: smtpd_eror_limit'],
    ['an owner who does not exist', { mail_owner: 'nobody-here' }, 'nobody-here'],
    ['a value that smtpd cannot use', { smtpd_timeout: 'soon' }, 'fatal: .*smtpd_timeout'],
    ['an address of somebody else', { inet_interfaces: '192.0.2.1' }, 'fatal: .*192\\.0\\.2\\.1'],
  ])('does not start with %s', async (_, settings: Record<string, string>, reason) => {
    const start = startPostfix({ services: [{}], receiverPort, settings });
    await expect(start).rejects.toThrow(new RegExp(`Postfix did not start: .*${reason}`, 's'));
  });

  test('shows the last lines of the log when it does not start', async () => {
    const start = startPostfix({
      services: [{}],
      receiverPort,
      settings: { smtpd_timeout: 'soon' },
    });
    await expect(start).rejects.toThrow(/last lines of the mail log:\n.*daemon started.*fatal/s);
  });

  test('shows what the master process has against its start', async () => {
    const rootOnly = await temporaryDirectory('postern-root-');
    const settings = { data_directory: rootOnly.path };
    const start = startPostfix({ services: [{}], receiverPort, settings });
    await expect(start).rejects.toThrow(/fatal: .*cannot create.*Permission denied/);
    await rootOnly.remove();
  });

  test('and its folder end with a test run that is killed', async () => {
    const script = `
      import { startPostfix } from '${join(import.meta.dirname, 'postfix.ts')}';
      const { directory, pid } = await startPostfix({ services: [{}], receiverPort: 9 });
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
