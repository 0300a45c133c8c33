/**
 * What sessions that wait cost those that do not: 500 sessions say HELO at a fixed pace, alone,
 * beside 500 others that say HELO once a second and do not wait either (what more sessions cost by
 * themselves), and beside 500 for which the same filter waits in each HELO, a second of sleep or
 * for a web server. Server, web server and both clients are processes of their own. The four take
 * turns, so that what the machine does meanwhile is seen as what it is.
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

type Beside = LoadOrder['helo'];

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

/** Answers of a filter that failed: there should be none. */
let failures = 0;

/** Begins a load; `done` has the times of its answers. */
async function load(order: LoadOrder): Promise<{ readonly done: Promise<readonly number[]> }> {
  const child = fork(path('waiting/load.ts'));
  const done = new Promise<readonly number[]>((resolve, reject) => {
    child.on('message', (answer: LoadAnswer) => {
      if (answer.is !== 'done') return;
      failures += answer.failed;
      resolve(answer.tookMs);
    });
    child.once('exit', (code) => reject(new Error(`a client ended with ${code}`)));
  });
  child.send(order);
  await Promise.race([once(child, 'message'), done]);
  return { done };
}

async function measure(listen: string, beside?: Beside): Promise<Quantiles> {
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

const figures = ({ p50, p99 }: Quantiles) => `${p50.toFixed(2)} / ${p99.toFixed(2)}`.padEnd(16);
const growth = (from: number, to: number) => (100 * (to - from)) / from;
const percent = (value: number) => `${value.toFixed(0)} %`;

const folder = mkdtempSync(join(tmpdir(), 'postern-bench-'));
const web = fork(path('waiting/slow-web.ts'));
const [{ ports }] = (await once(web, 'message')) as [WebAnswer];
const server = await serve(folder, ports);
const listen = `unix:${join(folder, 'milter.sock')}`;
try {
  // Code is compiled and heaps find their size.
  await measure(listen, 'sleep');
  const besides = ['none', 'sleep', 'http'] as const;
  const grown: Record<Beside, number[]> = { none: [], sleep: [], http: [] };
  console.log('p50 / p99, ms     alone           + 500 talk      + 500 sleep     + 500 fetch');
  for (let round = 1; round <= ROUNDS; round += 1) {
    const alone = await measure(listen);
    const shown = [alone];
    for (const beside of besides) {
      const together = await measure(listen, beside);
      shown.push(together);
      grown[beside].push(growth(alone.p99, together.p99));
    }
    console.log(`round ${round}        ${shown.map(figures).join('')}`);
  }
  const medians = besides.map((beside) => percent(median(grown[beside])).padEnd(16));
  console.log(`p99 grows by (median)             ${medians.join('')}`);
  console.log(`answers of a filter that failed: ${failures}`);
} finally {
  server.kill('SIGTERM');
  web.kill();
  await once(server, 'exit');
  rmSync(folder, { recursive: true });
}
