/** Programs under test, started as processes of their own. */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { type Guard, guard } from './guard.ts';
import { type LineWait, OutputLines } from './output-lines.ts';
import { groupMembers } from './process-group.ts';
import { pollFor } from './waiting.ts';

/** What to start. */
export type ProcessOptions = {
  readonly command: string;
  readonly args?: readonly string[];
  readonly cwd?: string;
  /** Added to the environment of the tests; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Knows the line on stdout that says that the program can be used. */
  readonly ready?: (line: string) => boolean;
  readonly readyTimeoutMs?: number;
};

/** How a process ended. */
export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

const KILL_AFTER_MS = 5_000;
const EXCERPT_LINES = 20;

/**
 * Starts a program in a process group of its own and waits until it is ready.
 * The whole group ends with {@link RunningProcess.stop}, or else with the test run.
 */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const child = spawn(options.command, options.args ?? [], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (child.pid === undefined) {
    const [error] = await once(child, 'error');
    throw new Error(`cannot start ${options.command}: ${error.message}`, { cause: error });
  }
  const running = new RunningProcess(child, child.pid, options.command);
  if (options.ready) {
    try {
      await running.waitForLine(options.ready, { timeoutMs: options.readyTimeoutMs });
    } catch (error) {
      await running.stop();
      throw error;
    }
  }
  return running;
}

/** A started program. */
class RunningProcess {
  /** The id of the process, and of its group. */
  readonly pid: number;
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #guard: Guard;
  readonly #stdout: OutputLines;
  #stderr = '';
  #groupIsLeft = true;

  constructor(child: ChildProcessByStdio<null, Readable, Readable>, pid: number, command: string) {
    this.pid = pid;
    this.#child = child;
    this.#guard = guard('kill -9 "-$1"', String(pid));
    this.#stdout = new OutputLines(() => this.#describe(command));
    child.stdout.setEncoding('utf8').on('data', (text: string) => this.#stdout.push(text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    // Later than 'exit', when the last output has been read.
    child.once('close', () => this.#stdout.end());
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        // An empty group's id can be given to a stranger, who must not be killed.
        this.#groupIsLeft = signalGroup(pid, 0);
        if (!this.#groupIsLeft) this.#guard.release();
        resolve({ code, signal });
      });
    });
  }

  /** The lines on stdout so far. */
  get lines(): readonly string[] {
    return this.#stdout.all;
  }

  /** What came on stderr so far. */
  stderr(): string {
    return this.#stderr;
  }

  /** The first line on stdout that matches, also when it came already. */
  waitForLine(matches: (line: string) => boolean, wait?: LineWait): Promise<string> {
    return this.#stdout.waitFor(matches, wait);
  }

  /**
   * Sends the signal to the process alone, as a service manager does, then waits for it.
   * SIGKILL follows for one that does not listen and for what it has left behind. After this
   * nothing of the group is alive.
   */
  async stop(signal: NodeJS.Signals = 'SIGTERM', killAfterMs = KILL_AFTER_MS): Promise<Exit> {
    this.#child.kill(signal);
    const killer = setTimeout(() => signalGroup(this.pid, 'SIGKILL'), killAfterMs);
    const exit = await this.exited;
    clearTimeout(killer);
    if (this.#groupIsLeft) await this.#killGroup();
    this.#groupIsLeft = false;
    this.#guard.release();
    return exit;
  }

  /** The end of somebody else's child is no event for us, so it has to be looked for. */
  async #killGroup(): Promise<void> {
    signalGroup(this.pid, 'SIGKILL');
    await pollFor(() => groupMembers(this.pid).length === 0 || undefined, {
      timeoutMs: KILL_AFTER_MS,
      failure: () => `processes that cannot be killed: ${groupMembers(this.pid).join(', ')}`,
    });
  }

  #describe(command: string): string {
    const { exitCode, signalCode } = this.#child;
    const state = exitCode ?? signalCode ?? 'still running';
    const stdout = this.lines.slice(-EXCERPT_LINES).join('\n');
    const stderr = this.#stderr.trimEnd().split('\n').slice(-EXCERPT_LINES).join('\n');
    return `${command} (exit: ${state})\nstdout: ${stdout}\nstderr: ${stderr}`;
  }
}

export type { RunningProcess };

/** Whether there was anybody in the group to get the signal. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}
