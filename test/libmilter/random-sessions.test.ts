/**
 * Sessions as MTAs could have them, made at random: messages that are refused anywhere, given up
 * or overtaken by the next one, and macros before commands. What differs on purpose is left out:
 * it has tests of its own.
 */

import fc from 'fast-check';
import { PLAN_PHASES, type Plan, type PlanPhase, type PlanRule, reply, verdict } from './plan.ts';
import { describeScenarios, type Scenario } from './scenarios.ts';
import {
  abort,
  body,
  connect,
  data,
  eof,
  eoh,
  eom,
  header,
  helo,
  macros,
  mail,
  quit,
  rcpt,
  type Script,
  type Step,
} from './script.ts';

const VERDICTS = {
  accept: verdict('accept'),
  reject: verdict('reject'),
  tempfail: verdict('tempfail'),
  discard: verdict('discard'),
  reply: reply(550, '5.7.1', 'No'),
} as const;

type VerdictName = keyof typeof VERDICTS;

/** Addresses and names of headers say which verdict they get: `<data-reject@example.org>`. */
const RULES: readonly PlanRule[] = (
  ['mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'] as const
).flatMap((phase) =>
  Object.entries(VERDICTS).map(([name, given]) => ({
    phase,
    when: `${phase}-${name}`,
    verdict: given,
  })),
);

const SILENT: Plan = { phases: PLAN_PHASES, rules: RULES };

const LOOKING: Plan = {
  // Outside of messages macros differ on purpose.
  phases: PLAN_PHASES.filter((phase) => phase !== 'close'),
  rules: RULES,
  macros: ['j', 'i', '{rcpt_addr}', '{data}', '{eoh}', '{eom}', '{here}'],
};

/** Now and then the mark of a verdict in this phase. */
const mark = (phase: PlanPhase, except: readonly VerdictName[] = []): fc.Arbitrary<string> => {
  const names = Object.keys(VERDICTS).filter((name) => !except.includes(name as VerdictName));
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant('plain') },
    { weight: 1, arbitrary: fc.constantFrom(...names.map((name) => `${phase}-${name}`)) },
  );
};

const value = fc.constantFrom('one', 'two', 'three');

/** A command with its macros; MTAs of all kinds send them before MAIL and RCPT. */
const withMacros = (code: string, names: readonly string[], step: fc.Arbitrary<Step>) =>
  fc
    .tuple(step, value, value)
    .map(
      ([command, a, b]): Script => [
        macros(code, { [names[0]!]: a, ...(b !== a && { '{here}': b }) }),
        command,
      ],
    );

const maybeMacros = (code: string, name: string, step: Step): fc.Arbitrary<Script> =>
  fc.oneof(withMacros(code, [name], fc.constant(step)), fc.constant([step]));

const sender = fc
  .oneof(...(['mail', 'data', 'eoh', 'body', 'eom'] as const).map((phase) => mark(phase)))
  .map((name) => mail(`<${name}@example.org>`));

// DISCARD at RCPT differs on purpose.
const recipient = mark('rcpt', ['discard']).map((name) => rcpt(`<${name}@example.com>`));

const headers = fc.array(
  mark('header').map((name) => header(`X-${name}`, ' value')),
  { maxLength: 3 },
);

const bodies = fc.array(fc.constantFrom('one\r\n', 'two', '\r').map(body), { maxLength: 3 });

/** A message as pieces that can be left out from any of them on. */
const pieces = fc
  .tuple(
    withMacros('M', ['i'], sender),
    fc.array(withMacros('R', ['{rcpt_addr}'], recipient), { minLength: 1, maxLength: 3 }),
    maybeMacros('T', '{data}', data),
    headers,
    maybeMacros('N', '{eoh}', eoh),
    bodies,
    maybeMacros('E', '{eom}', eom),
  )
  .map(([first, recipients, third, lines, fifth, chunks, last]): readonly Script[] => [
    first,
    ...recipients,
    third,
    // Headers that nobody sees the end of differ on purpose.
    [...lines, ...fifth],
    chunks,
    last,
  ]);

/** A whole message, or one that ends early: not between a verdict on its content and its end. */
const message = fc
  .tuple(
    pieces,
    fc.oneof({ weight: 3, arbitrary: fc.constant(9) }, { weight: 1, arbitrary: fc.nat(8) }),
  )
  .map(([parts, cut]) => {
    const isJudged = /(header|eoh|body)-/.test(JSON.stringify(parts));
    const content = parts.length - 3;
    return parts.slice(0, isJudged && cut >= content ? parts.length : cut + 1).flat();
  });

const ENDS: readonly Script[] = [
  [abort],
  [abort, abort],
  [helo('again')],
  [helo('again'), abort],
  [abort, helo('again')],
];

/** Messages, each with what comes after it. */
const sessions = (ends: readonly Script[]): fc.Arbitrary<Script> =>
  fc
    .tuple(
      fc.array(fc.tuple(message, fc.constantFrom(...ends)), { minLength: 1, maxLength: 4 }),
      fc.constantFrom<Step>(quit, eof),
    )
    .map(([messages, end]) => [
      macros('C', { j: 'mx.example.com', '{here}': 'connect' }),
      connect(),
      helo(),
      ...messages.flat(2),
      end,
    ]);

/** Another one in the environment makes other sessions. */
const SEED = Number(process.env.SEED ?? 20_260_702);

const sample = (plan: Plan, ends: readonly Script[], offers: Scenario['offers']): Scenario[] =>
  fc
    .sample(sessions(ends), { numRuns: 60, seed: SEED })
    .map((script, at) => ({ name: `session ${at}`, plan, script, ...(offers && { offers }) }));

// To a message that another one overtakes libmilter shows the macros of that one.
describeScenarios('macros in sessions made at random', sample(LOOKING, ENDS, ['v6', 'v4']));

describeScenarios(
  'sessions made at random',
  sample(SILENT, [...ENDS, []], ['v6', 'v6 that waits', 'v2']),
);
