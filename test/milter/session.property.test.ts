/** Whatever an MTA says and filters decide: one reply to each command that is due one. */

import fc from 'fast-check';
import {
  type Command,
  CommandDecoder,
  encodeCommand,
  type Reply,
  SMFI_CURR_ACTS,
  SMFIP,
} from 'net-milter-codec';
import type { FilterDescription } from '../../src/engine/contract.ts';
import type { SmtpPhase } from '../../src/policy/phases.ts';
import { misplaced, type Verdict } from '../../src/policy/verdict.ts';
import { Dialogue, settled } from './dialogue.ts';
import type { Answer, FakeSession } from './fake-engine.ts';
import { answers, commands, filters, protocols } from './session-arbitrary.ts';

const NR: Partial<Record<Command['kind'], number>> = {
  connect: SMFIP.NR_CONN,
  helo: SMFIP.NR_HELO,
  mail: SMFIP.NR_MAIL,
  rcpt: SMFIP.NR_RCPT,
  data: SMFIP.NR_DATA,
  unknown: SMFIP.NR_UNKN,
  header: SMFIP.NR_HDR,
  eoh: SMFIP.NR_EOH,
  body: SMFIP.NR_BODY,
};
const UNANSWERED: ReadonlySet<Command['kind']> = new Set(['macro', 'abort', 'quit', 'quitNc']);

function isDue(command: Command, protocol: number): boolean {
  if (UNANSWERED.has(command.kind)) return false;
  return (protocol & (NR[command.kind] ?? 0)) === 0;
}

test('every command that is due a reply gets one, and no other does', async () => {
  await fc.assert(
    fc.asyncProperty(
      filters,
      protocols,
      fc.integer({ min: 2, max: 7 }),
      commands,
      answers,
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 }),
      fc.boolean(),
      async (descriptions, protocol, version, said, script, pieces, pauses) => {
        const run = await play(descriptions, { protocol, version }, said, script, pieces, pauses);
        checkReplies(run, said);
        for (const session of run.dialogue.engine.sessions) checkDiary(session);
        expect(run.dialogue.timers.size).toBe(0);
      },
    ),
    { numRuns: 1_000 },
  );
});

test('a client that vanishes at any moment hears nothing more; filters hear of it once', async () => {
  await fc.assert(
    fc.asyncProperty(
      filters,
      commands,
      answers,
      fc.nat(40),
      async (descriptions, said, script, when) => {
        const dialogue = new Dialogue(descriptions, scripted(script, descriptions));
        await dialogue.negotiated();
        for (const command of said.slice(0, when)) dialogue.session.receive(command);
        if (when % 2 === 0) await settled();
        dialogue.session.vanish();
        const written = dialogue.writes.length;
        for (const command of said.slice(when)) dialogue.session.receive(command);
        await settle(dialogue);
        expect(dialogue.writes).toHaveLength(written);
        expect(dialogue.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
        for (const session of dialogue.engine.sessions) checkDiary(session);
        expect(dialogue.timers.size).toBe(0);
      },
    ),
    { numRuns: 500 },
  );
});

type ScriptedAnswer = { verdict: Verdict; turns: number; delayMs: number; modifies: boolean };

function scripted(script: readonly ScriptedAnswer[], descriptions: readonly FilterDescription[]) {
  const enforcing = descriptions.filter(({ options }) => options.mode === 'enforce');
  let next = 0;
  return async (call: { phase: string }): Promise<Answer> => {
    const { verdict, turns, delayMs, modifies } = script[next++ % script.length]!;
    for (let turn = 0; turn < turns; turn += 1) await new Promise((r) => setImmediate(r));
    const phase = call.phase as SmtpPhase;
    // The engine keeps to itself what observers say.
    if (!enforcing.some(({ phases }) => phases.has(phase))) return undefined;
    const fits = misplaced(verdict, phase) === undefined;
    const add = { kind: 'addHeader', name: 'X-B', value: { text: 'c' } } as const;
    return {
      verdict: fits ? verdict : { kind: 'continue' },
      delayMs,
      modifications: call.phase === 'eom' && modifies ? [add] : [],
    };
  };
}

interface Run {
  readonly dialogue: Dialogue;
  /** Agreed protocol bits. */
  readonly protocol: number;
}

async function play(
  descriptions: readonly FilterDescription[],
  offer: { readonly protocol: number; readonly version: number },
  said: readonly Command[],
  script: readonly ScriptedAnswer[],
  pieces: readonly number[],
  pauses: boolean,
): Promise<Run> {
  const dialogue = new Dialogue(descriptions, scripted(script, descriptions));
  await dialogue.say({ kind: 'optneg', actions: SMFI_CURR_ACTS, ...offer });
  const [agreed] = dialogue.lastWrite;
  const decoder = new CommandDecoder();
  const bytes = Buffer.concat(said.map((command) => encodeCommand(command)));
  for (let at = 0, piece = 0; at < bytes.length; piece += 1) {
    const length = pieces[piece % pieces.length]!;
    decoder.push(bytes.subarray(at, at + length));
    at += length;
    for (const command of decoder) dialogue.session.receive(command);
    if (pauses) await new Promise((resolve) => setImmediate(resolve));
  }
  await settle(dialogue);
  dialogue.session.vanish();
  await settle(dialogue);
  return { dialogue, protocol: agreed?.kind === 'optneg' ? agreed.protocol : 0 };
}

/** Lets everything run to its end, delays included. */
async function settle(dialogue: Dialogue): Promise<void> {
  for (let quiet = 0; quiet < 5; ) {
    const before = dialogue.engine.sessions.map(({ diary }) => diary.length).join();
    const written = dialogue.writes.length;
    await settled();
    dialogue.timers.advance(10_000);
    await settled();
    const after = dialogue.engine.sessions.map(({ diary }) => diary.length).join();
    const isQuiet = before === after && written === dialogue.writes.length;
    quiet = isQuiet && !dialogue.session.isWaiting ? quiet + 1 : 0;
  }
}

const FINAL = new Set<Reply['kind']>([
  'continue',
  'accept',
  'reject',
  'tempfail',
  'discard',
  'replycode',
  'skip',
]);

function checkReplies({ dialogue, protocol }: Run, said: readonly Command[]): void {
  const { writes, closed, log } = dialogue;
  expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  const finals = writes.slice(1).flatMap((write) => {
    const last = write.at(-1)!;
    // Modifications never go alone, PROGRESS never with others.
    if (last.kind === 'progress') expect(write).toHaveLength(1);
    else expect(FINAL.has(last.kind)).toBe(true);
    expect(write.slice(0, -1).filter(({ kind }) => FINAL.has(kind))).toEqual([]);
    return last.kind === 'progress' ? [] : [last];
  });
  const violation = log.lines.find(({ fields }) => fields.code === 'ERR_PROTOCOL_VIOLATION');
  const quitAt = said.findIndex(({ kind }) => kind === 'quit');
  const until = quitAt < 0 ? said.length : quitAt;
  const dueBefore = (end: number) =>
    said.slice(0, end).filter((command) => isDue(command, protocol)).length;
  if (violation) {
    expect(closed).toEqual(['violation']);
    // It was one of these that made no sense, and all before it had their replies.
    const ends = said.flatMap(({ kind }, at) =>
      kind === violation.fields.command && at < until ? [dueBefore(at)] : [],
    );
    expect(ends).toContain(finals.length);
  } else {
    expect(finals).toHaveLength(dueBefore(until));
    expect(closed).toEqual(quitAt < 0 ? [] : ['quit']);
    checkKinds(
      said.slice(0, until).filter((command) => isDue(command, protocol)),
      finals,
      protocol,
    );
  }
}

/** Each reply is one that its command may get. */
function checkKinds(asked: readonly Command[], finals: readonly Reply[], protocol: number): void {
  for (const [index, { kind }] of finals.entries()) {
    const command = asked[index]!.kind;
    if (kind === 'skip') {
      expect(command).toBe('body');
      expect(protocol & SMFIP.SKIP).not.toBe(0);
    }
    if (['header', 'eoh', 'body'].includes(command)) expect(['continue', 'skip']).toContain(kind);
    if (kind === 'discard') expect(['connect', 'helo', 'unknown']).not.toContain(command);
  }
}

/** Messages begin and end in turn; abort comes within one; close comes last and once. */
function checkDiary(session: FakeSession): void {
  const { diary } = session;
  expect(diary.at(-1)).toBe('close');
  expect(diary.filter((entry) => entry === 'close')).toHaveLength(1);
  let isOpen = false;
  for (const [index, entry] of diary.entries()) {
    if (entry === 'learn mail') {
      expect(isOpen).toBe(false);
      isOpen = true;
    }
    if (entry === 'call abort') {
      expect(isOpen).toBe(true);
      expect(diary[index + 1]).toBe('endMessage');
    }
    if (entry === 'endMessage') {
      expect(isOpen).toBe(true);
      isOpen = false;
    }
    if (/call (rcpt|data|header|eoh|body|eom)/.test(entry)) expect(isOpen).toBe(true);
  }
  expect(isOpen).toBe(false);
  if (session.handles('close')) expect(session.count('close')).toBe(1);
  expect(session.calls.at(-1)?.phase ?? 'close').toMatch(session.handles('close') ? /close/ : /./);
}
