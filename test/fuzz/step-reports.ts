/** Reports of steps as a runner might send them: right, nearly right, and nonsense. */

import fc from 'fast-check';
import { PHASES } from '../../src/policy/phases.ts';
import { FAILURE_KINDS } from '../../src/runner/frames.ts';

export interface StepInput {
  readonly phase: (typeof PHASES)[number];
  /** JSON, since that is what crosses: `1e999` is Infinity, and `__proto__` is a key. */
  readonly json: string;
}

type Model = Readonly<Record<string, fc.Arbitrary<unknown>>>;

const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom('', 'a@example.com', 'x\r\ny', '\0', 'é', '日本', '\ud800', '%s', ' ', 'X-A'),
);
const word = fc.constantFrom('X-A', 'x-a', 'Subject', 'a@example.com', 'one two', 'ü', '%');
const number = fc.oneof(
  fc.nat(20),
  fc.constantFrom(-1, 0.5, 421, 599, 600, 2 ** 53, -0, 1_000_000),
);
const junk = fc.oneof(fc.jsonValue({ maxDepth: 2 }), text, number);

const REPLIES = [
  { code: 550, enhanced: '5.7.1', lines: ['No', '100%'] },
  { code: 451, enhanced: '4.7.1', lines: ['Later'] },
  { code: 421, lines: ['Later'] },
  { code: 554, lines: ['ü'] },
];

/** How often something else stands where a right value belongs: `rarely` in so many cases, or never. */
function reports(rarely: number | undefined): fc.Arbitrary<unknown> {
  const field = (right: fc.Arbitrary<unknown>) =>
    rarely === undefined
      ? right
      : fc.oneof({ weight: rarely, arbitrary: right }, { weight: 1, arbitrary: junk });
  /** All fields of `must`, any of `may`. */
  const fields = (must: Model, may: Model = {}) => {
    const all = Object.entries({ ...must, ...may }).map(([key, right]) => [key, field(right)]);
    const model = Object.fromEntries(all) as Model;
    const whole = fc.record(model, { requiredKeys: Object.keys(must), noNullPrototype: true });
    if (rarely === undefined) return whole;
    const partly = fc.record(model, { requiredKeys: [], noNullPrototype: true });
    return fc.oneof({ weight: rarely, arbitrary: whole }, { weight: 1, arbitrary: partly });
  };
  const kind = (...names: string[]) => ({ kind: fc.constantFrom(...names) });
  const count = rarely === undefined ? fc.nat(20) : number;
  const nth = rarely === undefined ? fc.integer({ min: 1, max: 5 }) : number;
  const name = rarely === undefined ? word : text;

  const reply = fc.oneof(
    fc.constantFrom(...REPLIES),
    fields(
      { code: fc.integer({ min: 390, max: 610 }), lines: fc.array(text, { maxLength: 3 }) },
      { enhanced: fc.oneof(fc.constantFrom('5.7.1', '4.7.1', '2.0.0', '5.7.1\n', '5.7'), text) },
    ),
  );
  const plainVerdict = fc.oneof(
    fields(kind('continue', 'accept', 'discard', 'skip', 'reject', 'tempfail')),
    fields(kind('accept'), { all: fc.boolean() }),
    fields({ ...kind('reject', 'tempfail'), reply }),
  );
  const delays = fc.oneof(fc.constant([]), fc.array(field(count), { maxLength: 3 }));
  const verdict = fc
    .tuple(plainVerdict, delays)
    .map(([inner, all]) =>
      all.reduce<unknown>((answer, ms) => ({ kind: 'delay', ms, answer }), inner),
    );

  const value = fc.oneof(fields({ text }), fields({ bytes: text }));
  const envelope = { address: name, args: fc.array(text, { maxLength: 2 }) };
  const side = fc.constantFrom('before', 'after');
  const modification = fc.oneof(
    fields({ ...kind('addHeader'), name, value }),
    fields({ ...kind('insertHeader'), index: count, name, value }),
    fields({ ...kind('insertHeaderBeside'), side, other: count, name, value }),
    fields({ ...kind('changeHeader'), name, nth, value }),
    fields({ ...kind('deleteHeader'), name }, { nth }),
    fields({ ...kind('setSender', 'addRecipient'), ...envelope }),
    fields({ ...kind('deleteRecipient'), address: name }),
    fields({ ...kind('replaceBody'), body: text }),
    fields({ ...kind('quarantine'), reason: name }),
  );
  const failure = fields({ ...kind(...FAILURE_KINDS), message: text, stack: text });
  const said = { verdict, sessionState: text, messageState: text };
  return fc.oneof(
    { weight: 4, arbitrary: fields({ filter: fc.nat(3) }, said) },
    {
      weight: 6,
      arbitrary: fields(
        { filter: fc.nat(3), modifications: fc.array(modification, { maxLength: 4 }) },
        said,
      ),
    },
    { weight: 1, arbitrary: fields({ filter: fc.nat(3), failure }, said) },
  );
}

/** A verdict that is delayed again and again, as deep as JSON goes. */
const deep = fc.integer({ min: 1, max: 5_000 }).map((depth) => {
  const open = '{"kind":"delay","ms":0,"answer":'.repeat(depth);
  return `{"filter":0,"verdict":${open}{"kind":"reject"}${'}'.repeat(depth)}}`;
});

const asJson = (report: unknown) => JSON.stringify(report);

const json = fc.oneof(
  { weight: 20, arbitrary: reports(undefined).map(asJson) },
  { weight: 20, arbitrary: reports(30).map(asJson) },
  // Numbers that no JSON.stringify writes.
  {
    weight: 4,
    arbitrary: reports(undefined).map((one) => asJson(one).replace(/:\d+(?=[,}])/, ':1e999')),
  },
  { weight: 2, arbitrary: fc.json() },
  { weight: 1, arbitrary: deep },
);

export const stepInputs: fc.Arbitrary<StepInput> = fc.record({
  phase: fc.oneof(fc.constant('eom' as const), fc.constantFrom(...PHASES)),
  json,
});
