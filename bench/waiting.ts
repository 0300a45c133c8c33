/**
 * What sessions that wait cost those that do not: 500 sessions say HELO at a fixed pace, alone and
 * beside 500 others for which the same filter waits a second in each HELO. Server, web server and
 * both clients are processes of their own. Alone and beside take turns, so that what the machine
 * does meanwhile is seen as what it is.
 *
 *   node bench/waiting.ts [ROUNDS]
 */

import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { LoadAnswer, LoadOrder, WebAnswer } from './waiting/messages.ts';

const ROUNDS = Number(process.argv[2] ?? 5);
const SESSIONS = 500;
const LASTS_MS = 4000;
/** 1000 HELOs a second of those that do not wait: far from what one worker can do. */
const PACE_MS = 500;
/** Those that wait ask again as soon as they are answered. */
const WAIT_MS = 1050;
/** The waiting ones are all under way. */
const SETTLE_MS = 1200;

const path = (name: string) => join(import.meta.dirname, name);

interface Quantiles {
  readonly p50: number;
  readonly p99: number;
}

function quantiles(tookMs: readonly number[]): Quantiles {
  const sorted = [...tookMs].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.floor((sorted.length - 1) * part)]!;
  return { p50: at(0.5), p99: at(0.99) };
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

/** Begins a load; `done` has the times of its answers. */
async function load(order: LoadOrder): Promise<{ readonly done: Promise<readonly number[]> }> {
  const child = fork(path('waiting/load.ts'));
  const done = new Promise<readonly number[]>((resolve, reject) => {
    child.on('message', (answer: LoadAnswer) => {
      if (answer.is === 'done') resolve(answer.tookMs);
    });
    child.once('exit', (code) => reject(new Error(`a client ended with ${code}`)));
  });
  child.send(order);
  await Promise.race([once(child, 'message'), done]);
  return { done };
}

async function measure(listen: string, beside?: 'sleep' | 'http'): Promise<Quantiles> {
  const waiting =
    beside &&
    (await load({
      listen,
      sessions: SESSIONS,
      helo: beside,
      everyMs: WAIT_MS,
      lastsMs: LASTS_MS + 2 * SETTLE_MS,
    }));
  await delay(SETTLE_MS);
  const measured = await load({
    listen,
    sessions: SESSIONS,
    helo: 'none',
    everyMs: PACE_MS,
    lastsMs: LASTS_MS,
  });
  const result = quantiles(await measured.done);
  await waiting?.done;
  return result;
}

async function serve(folder: string, ports: readonly number[]): Promise<ChildProcess> {
  const config = join(folder, 'postern.config.ts');
  const filter = { path: path('waiting/filter.ts'), settings: { ports } };
  const milter = { listen: [`unix:${join(folder, 'milter.sock')}`] };
  const kv = { default: 'memory:' };
  writeFileSync(
    config,
    `export default ${JSON.stringify({ milter, filters: [filter], kv, workers: 1 })};`,
  );
  const server = spawn(process.execPath, [path('../bin/postern.js'), 'serve', '-c', config], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  for await (const line of createInterface(server.stdout)) {
    const { msg } = JSON.parse(line) as { readonly msg: string };
    if (msg === 'ready') break;
  }
  server.stdout.resume();
  return server;
}

const ms = (value: number) => `${value.toFixed(2).padStart(7)} ms`;
const growth = (from: number, to: number) => (100 * (to - from)) / from;
const percent = (value: number) => `${value.toFixed(0).padStart(4)} %`;

const folder = mkdtempSync(join(tmpdir(), 'postern-bench-'));
const web = fork(path('waiting/slow-web.ts'));
const [{ ports }] = (await once(web, 'message')) as [WebAnswer];
const server = await serve(folder, ports);
const listen = `unix:${join(folder, 'milter.sock')}`;
try {
  // Code is compiled and heaps find their size.
  await measure(listen, 'sleep');
  console.log('waiting    alone p50     alone p99    beside p50    beside p99   growth of p99');
  for (const beside of ['sleep', 'http'] as const) {
    const grown: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const alone = await measure(listen);
      const together = await measure(listen, beside);
      grown.push(growth(alone.p99, together.p99));
      const figures = [alone.p50, alone.p99, together.p50, together.p99].map(ms).join('    ');
      console.log(`${beside.padEnd(6)} ${figures}    ${percent(grown.at(-1)!)}`);
    }
    console.log(`${beside.padEnd(6)} median of the growth ${percent(median(grown))}`);
  }
} finally {
  server.kill('SIGTERM');
  web.kill();
  await once(server, 'exit');
  rmSync(folder, { recursive: true });
}
