import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { freePorts } from './ports.ts';
import { groupMembers } from './process-group.ts';
import { startProcess } from './processes.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { pollFor } from './waiting.ts';

/** A shell with this script, ready when it says so. */
function startShell(script: string, readyTimeoutMs?: number) {
  return startProcess({
    command: '/bin/sh',
    args: ['-c', script],
    ready: (line) => line === 'ready',
    ...(readyTimeoutMs !== undefined && { readyTimeoutMs }),
  });
}

function groupToEnd(group: number): Promise<true> {
  return pollFor(() => groupMembers(group).length === 0 || undefined, {
    timeoutMs: 5_000,
    failure: () => `still alive in group ${group}: ${groupMembers(group).join(', ')}`,
  });
}

describe('startProcess', () => {
  test('waits for the line that says ready', async () => {
    const running = await startShell('echo first; printf rea; echo dy; exec sleep 60');
    expect(running.lines).toEqual(['first', 'ready']);
    expect(groupMembers(running.pid)).toEqual([running.pid]);
    expect(await running.stop()).toEqual({ code: null, signal: 'SIGTERM' });
    expect(groupMembers(running.pid)).toEqual([]);
  });

  test('gives environment and working folder', async () => {
    const running = await startProcess({
      command: '/bin/sh',
      args: ['-c', 'echo "$PWD $ADDED $HOME."'],
      cwd: '/usr',
      env: { ADDED: 'yes', HOME: undefined },
    });
    expect(await running.waitForLine(() => true)).toBe('/usr yes .');
    expect(await running.exited).toEqual({ code: 0, signal: null });
    await running.stop();
  });

  test('tells why a program cannot be started', async () => {
    await expect(startProcess({ command: '/no/such/program' })).rejects.toThrow(
      'cannot start /no/such/program: spawn /no/such/program ENOENT',
    );
  });

  test('shows the output of a program that ends instead of getting ready', async () => {
    await expect(startShell('echo almost; echo "bad luck" >&2; exit 3')).rejects.toThrow(
      /the output ended without the line.*\(exit: 3\)\nstdout: almost\nstderr: bad luck/s,
    );
  });

  test('stops a program that does not get ready', async () => {
    const error = await startShell('echo $$; exec sleep 60', 100).catch((each) => each);
    expect(error.message).toMatch(/100 ms passed without the line.*\(exit: still running\)/s);
    const [, pid] = /stdout: (\d+)/.exec(error.message) ?? [];
    expect(groupMembers(Number(pid))).toEqual([]);
  });
});

describe('a running process', () => {
  test('is waited for line by line', async () => {
    const running = await startShell('echo ready; echo second; sleep 0.05; echo ready again');
    const isReady = (line: string) => line.startsWith('ready');
    expect(await running.waitForLine(isReady)).toBe('ready');
    expect(await running.waitForLine(isReady, { after: 1 })).toBe('ready again');
    await expect(running.waitForLine(() => false)).rejects.toThrow('the output ended');
    await running.stop();
  });

  test('is killed when it does not listen to SIGTERM', async () => {
    const running = await startShell("trap '' TERM; echo ready; while :; do sleep 0.1; done");
    expect(await running.stop('SIGTERM', 200)).toEqual({ code: null, signal: 'SIGKILL' });
    expect(groupMembers(running.pid)).toEqual([]);
  });

  test('takes with it what it has left behind', async () => {
    const running = await startShell('sleep 60 & echo ready');
    await running.exited;
    expect(groupMembers(running.pid)).toHaveLength(1);
    await running.stop();
    expect(groupMembers(running.pid)).toEqual([]);
  });

  test('and a temporary folder do not outlive a test run that is killed', async () => {
    const script = `
      import { startProcess } from '${join(import.meta.dirname, 'processes.ts')}';
      import { temporaryDirectory } from '${join(import.meta.dirname, 'temporary-directory.ts')}';
      const { path } = await temporaryDirectory('postern-killed-');
      const { pid } = await startProcess({ command: 'sleep', args: ['60'] });
      console.log(JSON.stringify({ path, pid }));
      process.kill(process.pid, 'SIGKILL');`;
    const run = await startProcess({
      command: process.execPath,
      args: ['--input-type=module', '-e', script],
    });
    const { path, pid } = JSON.parse(await run.waitForLine((line) => line.startsWith('{')));
    expect(await run.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await groupToEnd(pid);
    await pollFor(() => !existsSync(path) || undefined, {
      timeoutMs: 5_000,
      failure: () => `${path} is still there`,
    });
    await run.stop();
  });
});

test('free ports differ and can be listened on', async () => {
  const ports = await freePorts(20);
  expect(new Set(ports).size).toBe(20);
  const servers = ports.map((port) => createServer().listen(port, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  for (const server of servers) server.close();
});

test('a temporary folder is open to all users and can be removed twice', async () => {
  const directory = await temporaryDirectory('postern-folder-');
  expect(existsSync(directory.path)).toBe(true);
  await directory.remove();
  await directory.remove();
  expect(existsSync(directory.path)).toBe(false);
});
