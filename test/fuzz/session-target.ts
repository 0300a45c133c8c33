/**
 * Whatever an MTA says in whatever order, and whatever filters decide: one reply to each command
 * that is due one and no other, every message and connection ended once, nothing thrown, no hang.
 */

import assert from 'node:assert/strict';
import {
  type Command,
  CommandDecoder,
  encodeCommand,
  encodeReplies,
  type Reply,
} from 'net-milter-codec';
import { needsOf } from '../../src/milter/needs.ts';
import type { Phase } from '../../src/policy/phases.ts';
import { misplaced, type Verdict } from '../../src/policy/verdict.ts';
import { Dialogue } from '../milter/dialogue.ts';
import { type Answer, type FakeSession, filter } from '../milter/fake-engine.ts';
import { type Expected, expectedReplies } from './session-model.ts';
import { type Said, type SessionScript, sessionScripts } from './session-script.ts';
import { fuzzTarget } from './target.ts';

export const sessionTarget = fuzzTarget('session', sessionScripts, async (script) => {
  const run = await play(script);
  checkReplies(run, script);
  checkClosing(run, script);
  for (const session of run.dialogue.engine.sessions) checkDiary(session);
});

interface Run {
  readonly dialogue: Dialogue;
  readonly commands: readonly Command[];
  readonly greetings: readonly Verdict[];
  /** Writes that went out before the client was gone; all of them, if it waited. */
  readonly writesAtEnd: number;
  readonly isCutShort: boolean;
}

async function play(script: SessionScript): Promise<Run> {
  const greetings: Verdict[] = [];
  const descriptions = script.filters.map(({ phases, ...options }) => filter(phases, options));
  const dialogue = new Dialogue(descriptions, answering(script, greetings));
  const { session } = dialogue;
  const commands = script.said.map(commandOf);
  const stream = Buffer.concat(commands.map((command) => encodeCommand(command)));
  const decoder = new CommandDecoder();
  let isCutShort = false;
  let piece = 0;
  for (let at = 0; at < stream.length; piece += 1) {
    if (piece === script.end.after && script.end.how !== 'waits') {
      isCutShort = true;
      break;
    }
    const length = script.pieces[piece % script.pieces.length]!;
    decoder.push(stream.subarray(at, at + length));
    at += length;
    for (const command of decoder) session.receive(command);
    await turns(script.pause);
  }
  if (!isCutShort) await settle(dialogue, commands.length);
  if (script.end.how === 'leaves' && session.betweenMessages) session.leave();
  else session.vanish();
  const writesAtEnd = dialogue.writes.length;
  for (const command of commands) session.receive(command);
  await settle(dialogue, commands.length);
  await allClosed(dialogue, commands.length);
  return { dialogue, commands, greetings, writesAtEnd, isCutShort };
}

function commandOf(said: Said): Command {
  if (said.kind !== 'body' && said.kind !== 'bodyeob') return said as Command;
  const chunk = Buffer.from(said.text, 'latin1');
  return said.kind === 'bodyeob' && chunk.length === 0
    ? { kind: 'bodyeob' }
    : { kind: said.kind, chunk };
}

/** Says what the script says, as far as an engine would let it through. */
function answering({ answers, filters }: SessionScript, greetings: Verdict[]) {
  let next = 0;
  return async ({ phase }: { readonly phase: Phase }): Promise<Answer> => {
    const { verdict, turns: wait, delayMs, modifications } = answers[next++ % answers.length]!;
    const enforces = filters.some(
      ({ phases, mode }) => mode === 'enforce' && phases.includes(phase as never),
    );
    const fits = enforces && misplaced(verdict, phase) === undefined;
    const answer: Verdict = fits ? verdict : { kind: 'continue' };
    await turns(wait);
    if (enforces && (phase === 'connect' || phase === 'helo')) greetings.push(answer);
    return {
      verdict: answer,
      delayMs: enforces ? delayMs : 0,
      modifications: phase === 'eom' && enforces ? modifications : [],
    };
  };
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((done) => setImmediate(done));
}

/** Lets everything run to its end, delays included; what does not end in this time hangs. */
async function settle({ session, timers, engine, writes }: Dialogue, commands: number) {
  const seen = () => `${writes.length} ${engine.sessions.map(({ diary }) => diary.length)}`;
  const isBusy = () => session.isWaiting || session.backlog > 0;
  let quiet = 0;
  for (let round = 0; quiet < 2; round += 1) {
    assert.ok(round < 50 + 20 * commands, 'the session hangs');
    const before = seen();
    await turns(4);
    timers.advance(10_000);
    await turns(1);
    quiet = seen() === before && !isBusy() ? quiet + 1 : 0;
  }
}

/** Calls may outlive the session; when the last one has ended, so has everything. */
async function allClosed({ engine }: Dialogue, commands: number): Promise<void> {
  const isOpen = () => engine.sessions.some((session) => !session.isClosed);
  for (let round = 0; isOpen() && round < 50 + 20 * commands; round += 1) await turns(4);
}

const FINAL: ReadonlySet<Reply['kind']> = new Set([
  'optneg',
  'continue',
  'accept',
  'reject',
  'tempfail',
  'discard',
  'replycode',
  'skip',
]);

function checkReplies(run: Run, script: SessionScript): void {
  const { dialogue, writesAtEnd, isCutShort } = run;
  assert.equal(dialogue.writes.length, writesAtEnd, 'something was sent after the end');
  const expected = expectation(run, script);
  let answered = 0;
  for (const write of dialogue.writes) {
    encodeReplies(write);
    const due = expected.replies[answered];
    const last = write.at(-1)!;
    assert.ok(due, `${last.kind} was sent and nobody asked`);
    const modifications = write.slice(0, -1).map(({ kind }) => kind);
    if (last.kind === 'progress') {
      assert.equal(due.to, 'bodyeob', 'PROGRESS outside of the end of a message');
      assert.deepEqual(modifications, [], 'PROGRESS with something else');
      continue;
    }
    assert.ok(due.kinds.includes(last.kind), `${due.to} was answered with ${last.kind}`);
    assert.ok(FINAL.has(last.kind), `${last.kind} ends a write`);
    if (due.to !== 'bodyeob') assert.deepEqual(modifications, []);
    assert.ok(!modifications.some((kind) => FINAL.has(kind)), `two replies: ${modifications}`);
    answered += 1;
  }
  if (!isCutShort) assert.equal(answered, expected.replies.length, 'a reply is missing');
}

function expectation({ dialogue, commands, greetings }: Run, { filters }: SessionScript): Expected {
  const agreed = dialogue.writes
    .flat()
    .flatMap((reply) => (reply.kind === 'optneg' ? [reply.protocol] : []));
  const needs = needsOf(filters.map(({ phases, ...options }) => filter(phases, options)));
  return expectedReplies(commands, needs, { agreed, greetings });
}

function checkClosing(run: Run, script: SessionScript): void {
  const { closed, log, timers, session } = run.dialogue;
  const { end } = expectation(run, script);
  const wanted = end === 'open' ? [] : [end];
  if (!run.isCutShort) assert.deepEqual(closed, wanted);
  else if (closed.length > 0) assert.deepEqual(closed, wanted);
  const defects = log.lines.filter(({ message }) => message.includes('a defect in this server'));
  assert.deepEqual(defects, []);
  assert.equal(timers.size, 0, 'a timer was left behind');
  assert.equal(session.backlog, 0, 'commands were left behind');
}

/** Messages begin and end in turn, are given up at most once, and all ends with one close. */
function checkDiary(session: FakeSession): void {
  const { diary } = session;
  assert.equal(diary.indexOf('close'), diary.length - 1, `close, once and last: ${diary}`);
  const closings = diary.filter((entry) => entry === 'call close').length;
  assert.equal(closings, session.handles('close') ? 1 : 0, 'calls of close');
  let message: 'none' | 'open' | 'aborted' = 'none';
  for (const entry of diary) {
    if (entry === 'learn mail') {
      assert.equal(message, 'none', `a message within a message: ${diary}`);
      message = 'open';
    } else if (entry === 'call abort') {
      assert.equal(message, 'open', `abort of nothing: ${diary}`);
      message = 'aborted';
    } else if (entry === 'endMessage') {
      assert.notEqual(message, 'none', `the end of no message: ${diary}`);
      message = 'none';
    } else if (/^call (mail|rcpt|data|header|eoh|body|eom)$/.test(entry)) {
      assert.equal(message, 'open', `${entry} outside of a message: ${diary}`);
    }
  }
  assert.equal(message, 'none', `a message without an end: ${diary}`);
}
