/** Debian's miltertest drives a running `postern serve` with the scripts in fixtures/miltertest. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { type RunningProcess, startProcess } from '../harness/processes.ts';
import { describeWith } from '../harness/requirements.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../harness/temporary-directory.ts';

const ROOT = join(__dirname, '..', '..');
const NODE = join(ROOT, 'node_modules', 'node', 'bin', 'node');
const POSTERN = join(ROOT, 'bin', 'postern.js');
const SCRIPTS = join(ROOT, 'fixtures', 'miltertest');

/** Each script, and the filter that it talks to. */
const RUNS = [
  ['envelope.lua', 'answers'],
  ['content.lua', 'answers'],
  ['changes.lua', 'answers'],
  ['session.lua', 'answers'],
  ['negotiation.lua', 'recipients'],
] as const;

describeWith(['miltertest'], 'miltertest', () => {
  let folder: TemporaryDirectory;
  const servers = new Map<string, RunningProcess>();

  const socketOf = (filter: string) => join(folder.path, `${filter}.sock`);

  beforeAll(async () => {
    folder = await temporaryDirectory('miltertest-');
    for (const filter of new Set(RUNS.map(([, each]) => each))) {
      const args = ['serve', '--workers', '1', '--kv', 'memory:'];
      args.push('--filter', join(SCRIPTS, `${filter}.ts`), '--listen', `unix:${socketOf(filter)}`);
      const ready = (line: string) => line.includes('"msg":"ready"');
      servers.set(
        filter,
        await startProcess({
          command: NODE,
          args: [POSTERN, ...args],
          cwd: folder.path,
          ready,
          readyTimeoutMs: 30_000,
        }),
      );
    }
  }, 60_000);
  afterAll(async () => {
    for (const server of servers.values()) await server.stop();
    await folder?.remove();
  });

  test.each(RUNS)('%s', async (script, filter) => {
    const before = servers.get(filter)!.lines.length;
    const { code, output } = await miltertest(script, socketOf(filter));
    // A script that fails says where in its output; the server's log may say why.
    const logged = servers.get(filter)!.lines.slice(before);
    expect([code, output, ...(code === 0 ? [] : logged)]).toEqual([0, '']);
  });
});

function miltertest(script: string, socket: string): Promise<{ code: number; output: string }> {
  const args = ['-s', join(SCRIPTS, 'run.lua')];
  args.push('-D', `socket=unix:${socket}`, '-D', `script=${join(SCRIPTS, script)}`);
  return new Promise((resolve) => {
    execFile('miltertest', args, { timeout: 25_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code ?? 1);
      resolve({ code, output: `${stdout}${stderr}`.trim() });
    });
  });
}
