/** A script for a session: what the MTA says, how it arrives, and what filters answer. */

import fc from 'fast-check';
import { type Command, SMFI_CURR_ACTS, SMFI_CURR_PROT } from 'net-milter-codec';
import type { BodyLimit, FilterMode } from '../../src/config/filter-overrides.ts';
import type { Modification } from '../../src/policy/modification.ts';
import { SMTP_PHASES, type SmtpPhase } from '../../src/policy/phases.ts';
import type { Verdict } from '../../src/policy/verdict.ts';

/** A command as JSON has it. */
export type Said =
  | Exclude<Command, { readonly kind: 'body' | 'bodyeob' }>
  | { readonly kind: 'body' | 'bodyeob'; readonly text: string };

export interface ScriptedFilter {
  readonly phases: readonly SmtpPhase[];
  readonly mode: FilterMode;
  readonly body: BodyLimit;
}

/** What the filters together say to a call. */
export interface ScriptedAnswer {
  readonly verdict: Verdict;
  /** Turns of the event loop until it is there. */
  readonly turns: number;
  readonly delayMs: number;
  /** What is changed, if it is the end of a message. */
  readonly modifications: readonly Modification[];
}

export interface SessionScript {
  readonly filters: readonly ScriptedFilter[];
  readonly said: readonly Said[];
  readonly answers: readonly ScriptedAnswer[];
  /** Lengths of the pieces in which the bytes arrive, again and again. */
  readonly pieces: readonly number[];
  /** Turns of the event loop between two pieces. */
  readonly pause: number;
  /** The client vanishes after so many pieces; the server leaves when it can. */
  readonly end: { readonly how: 'waits' | 'vanishes' | 'leaves'; readonly after: number };
}

const bytes = fc.oneof(
  fc.constantFrom('', 'a', '<a@example.org>', '<>', '=?utf-8?q?=C3?=', '=?x?b?%?=', ' \n\tfold\r'),
  fc.string({ unit: 'binary-ascii', maxLength: 12 }).map((text) => text.replaceAll('\0', '')),
  fc.uint8Array({ min: 1, maxLength: 12 }).map((codes) => String.fromCharCode(...codes)),
);
const args = fc.array(fc.oneof(bytes, fc.constant('SMTPUTF8')), { maxLength: 2 });

const optneg: fc.Arbitrary<Said> = fc.record({
  kind: fc.constant('optneg' as const),
  version: fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 2, max: 7 }) }, fc.nat(1)),
  actions: fc.oneof(fc.constant(SMFI_CURR_ACTS), fc.integer({ min: 0, max: SMFI_CURR_ACTS })),
  protocol: fc.oneof(
    fc.constant(SMFI_CURR_PROT),
    fc.constantFrom(0, 0x3f, 0x7f, 0xffff_ffff),
    fc.integer({ min: 0, max: SMFI_CURR_PROT }),
  ),
});

const connect: fc.Arbitrary<Said> = fc.record({
  kind: fc.constant('connect' as const),
  hostname: bytes,
  family: fc.constantFrom('inet', 'inet6', 'unix'),
  port: fc.nat(65_535),
  address: fc.oneof(fc.constantFrom('192.0.2.7', 'IPv6:2001:db8::1', '[::1]'), bytes),
});
const helo = fc.record({ kind: fc.constant('helo' as const), name: bytes });
const mail = fc.record({ kind: fc.constant('mail' as const), address: bytes, args });
const rcpt = fc.record({ kind: fc.constant('rcpt' as const), address: bytes, args });
const header = fc.record({ kind: fc.constant('header' as const), name: bytes, value: bytes });
const body = fc.record({ kind: fc.constant('body' as const), text: bytes });
const eom = fc.record({
  kind: fc.constant('bodyeob' as const),
  text: fc.oneof({ weight: 8, arbitrary: fc.constant('') }, bytes),
});
const macro = fc.record({
  kind: fc.constant('macro' as const),
  command: fc.constantFrom(...'CHMRTNELBUQ\0'),
  values: fc.array(
    fc.tuple(fc.oneof(fc.constantFrom('i', 'j', 'v', '{auth_type}', '__proto__'), bytes), bytes),
    { maxLength: 3 },
  ),
});
const bare = <const K extends 'data' | 'eoh' | 'abort' | 'quit' | 'quitNc'>(kind: K) =>
  fc.constant<Said>({ kind });
const unknown = fc.record({ kind: fc.constant('unknown' as const), command: bytes });

/** A whole message, now and then with a piece missing. */
const message: fc.Arbitrary<Said[]> = fc
  .tuple(mail, rcpt, rcpt, bare('data'), header, header, bare('eoh'), body, body, eom)
  .chain((all) => fc.oneof(fc.constant<Said[]>(all), fc.subarray<Said>(all)));

const single: fc.Arbitrary<Said[]> = fc
  .oneof(
    { weight: 3, arbitrary: fc.oneof<fc.Arbitrary<Said>[]>(connect, helo, mail, rcpt, header) },
    { weight: 3, arbitrary: fc.oneof<fc.Arbitrary<Said>[]>(body, eom, macro, macro, unknown) },
    { weight: 2, arbitrary: fc.oneof(bare('data'), bare('eoh'), bare('abort'), bare('abort')) },
    { weight: 1, arbitrary: fc.oneof(bare('quitNc'), bare('quitNc'), bare('quit'), optneg) },
  )
  .map((said) => [said]);

/** More than the limits of these tests allow. */
const tooMuch: fc.Arbitrary<Said[]> = fc
  .tuple(mail, fc.oneof<fc.Arbitrary<Said>[]>(rcpt, header), fc.integer({ min: 5, max: 15 }), eom)
  .map(([from, many, count, end]) => [from, ...Array<Said>(count).fill(many), end]);

const said: fc.Arbitrary<Said[]> = fc
  .tuple(
    fc.oneof(
      { weight: 20, arbitrary: optneg.map((offer) => [offer]) },
      { weight: 1, arbitrary: fc.constant<Said[]>([]) },
    ),
    fc.array(
      fc.oneof(
        { weight: 4, arbitrary: message },
        { weight: 6, arbitrary: single },
        { weight: 1, arbitrary: tooMuch },
      ),
      { maxLength: 10 },
    ),
  )
  .map(([offer, groups]) => [...offer, ...groups.flat()]);

const verdict = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Verdict>({ kind: 'continue' }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Verdict>(
      { kind: 'accept' },
      { kind: 'reject' },
      { kind: 'tempfail', reply: { code: 451, lines: ['100% later', 'ü'] } },
      { kind: 'reject', reply: { code: 554, enhanced: '5.7.1', lines: ['no'] } },
      { kind: 'discard' },
      { kind: 'skip' },
    ),
  },
);

const value = { text: 'é' };
const modification = fc.oneof(
  fc.constantFrom<Modification>(
    { kind: 'addHeader', name: 'X-B', value },
    { kind: 'insertHeader', index: 2, name: 'X-B', value },
    { kind: 'changeHeader', name: 'a', nth: 1, value },
    { kind: 'deleteHeader', name: 'a' },
    { kind: 'setSender', address: '', args: [] },
    { kind: 'replaceBody', body: 'a\r\n' },
    { kind: 'quarantine', reason: 'é' },
  ),
  bytes.map((address): Modification => ({ kind: 'deleteRecipient', address })),
);

export const sessionScripts: fc.Arbitrary<SessionScript> = fc.record({
  filters: fc.array(
    fc.record({
      phases: fc.subarray([...SMTP_PHASES]),
      mode: fc.constantFrom('enforce', 'enforce', 'observe'),
      body: fc.constantFrom<BodyLimit>(
        { kind: 'all' },
        { kind: 'none' },
        { kind: 'first', bytes: 6 },
      ),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  said,
  answers: fc.array(
    fc.record({
      verdict,
      turns: fc.nat(3),
      delayMs: fc.constantFrom(0, 0, 0, 1, 7_000, 60_000),
      modifications: fc.array(modification, { maxLength: 2 }),
    }),
    { minLength: 1, maxLength: 12 },
  ),
  pieces: fc.array(fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constant(4_000)), {
    minLength: 1,
    maxLength: 4,
  }),
  pause: fc.nat(2),
  end: fc.record({
    how: fc.constantFrom('waits', 'waits', 'vanishes', 'leaves'),
    after: fc.nat(40),
  }),
});
