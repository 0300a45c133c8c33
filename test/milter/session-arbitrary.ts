/** Random MTAs and random filters. */

import fc from 'fast-check';
import { type Command, SMFI_CURR_PROT } from 'net-milter-codec';
import type { FilterDescription } from '../../src/engine/contract.ts';
import { SMTP_PHASES } from '../../src/policy/phases.ts';
import type { Verdict } from '../../src/policy/verdict.ts';
import {
  abort,
  body,
  connect,
  data,
  eoh,
  eom,
  header,
  helo,
  macro,
  mail,
  quit,
  quitNc,
  rcpt,
  unknown,
} from './dialogue.ts';
import { filter } from './fake-engine.ts';

const message: Command[] = [mail, rcpt(), data, header(), eoh, body(), eom];
export const commands = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constant(message) },
      { weight: 3, arbitrary: fc.subarray(message, { minLength: 1 }) },
      {
        weight: 6,
        arbitrary: fc.constantFrom<Command[]>(
          [connect],
          [helo],
          [mail],
          [rcpt('<c@example.com>')],
          [header('X-A', ' =?utf-8?B?w6k=?=')],
          [body('more')],
          [eom],
          [abort],
          [abort, abort],
          [unknown],
          [macro('C', { v: 'Postfix 3.9' })],
          [macro('M', { i: 'q1' })],
          [macro('L', {})],
          [helo, abort],
        ),
      },
      { weight: 1, arbitrary: fc.constantFrom<Command[]>([quitNc], [quit], [quitNc, connect]) },
    ),
    { maxLength: 12 },
  )
  .map((groups) => groups.flat());

const verdicts = fc.constantFrom<Verdict>(
  { kind: 'continue' },
  { kind: 'continue' },
  { kind: 'continue' },
  { kind: 'accept' },
  { kind: 'reject' },
  { kind: 'tempfail', reply: { code: 451, lines: ['100% later'] } },
  { kind: 'discard' },
  { kind: 'skip' },
);

export const answers = fc.array(
  fc.record({
    verdict: verdicts,
    /** Turns of the event loop until it is there. */
    turns: fc.integer({ min: 0, max: 2 }),
    delayMs: fc.constantFrom(0, 0, 0, 7_000),
    modifies: fc.boolean(),
  }),
  { minLength: 1, maxLength: 20 },
);

export const filters: fc.Arbitrary<FilterDescription[]> = fc.array(
  fc
    .record({
      phases: fc.subarray([...SMTP_PHASES]),
      mode: fc.constantFrom('enforce', 'enforce', 'observe' as const),
      body: fc.constantFrom(
        { kind: 'all' } as const,
        { kind: 'none' } as const,
        { kind: 'first', bytes: 6 } as const,
      ),
    })
    .map(({ phases, mode, body }) => filter(phases, { mode, body })),
  { minLength: 1, maxLength: 3 },
);

/** Bits that an MTA may offer: all, the old ones, or any. */
export const protocols = fc.oneof(
  fc.constant(SMFI_CURR_PROT),
  fc.constantFrom(0, 0x3f, 0x7f),
  fc.integer({ min: 0, max: SMFI_CURR_PROT }),
);
