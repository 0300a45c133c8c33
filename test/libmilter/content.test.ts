/** The two differences that the other tests do not look at, because they show on the wire alone. */

import { encodeCommand } from 'net-milter-codec';
import type { DifferenceName } from './differences.ts';
import type { RunningFilters } from './filters.ts';
import { LibmilterFilters } from './libmilter-filters.ts';
import { OFFERS } from './offers.ts';
import { ALL, type Plan, reply, verdict } from './plan.ts';
import { play } from './play.ts';
import { PosternFilters } from './postern-filters.ts';
import { describeWithLibmilter } from './requirements.ts';
import { body, connect, eoh, eom, header, helo, mail, rcpt, type Script } from './script.ts';

const ATEND: DifferenceName = 'content is judged at its end';
const ONE_WRITE: DifferenceName = 'one write for the end of a message';

const PLANS = {
  header: { phases: ALL, rules: [{ phase: 'header', verdict: verdict('reject') }] },
  eoh: { phases: ALL, rules: [{ phase: 'eoh', verdict: verdict('discard') }] },
  body: { phases: ALL, rules: [{ phase: 'body', verdict: reply(550, '5.7.1', 'No') }] },
  changes: {
    phases: ['eom'],
    changes: [
      { kind: 'addheader', name: 'X-A', value: 'b' },
      { kind: 'chgfrom', address: '<a@example.org>' },
      { kind: 'replacebody', body: 'x'.repeat(1000) },
    ],
  },
} as const satisfies Readonly<Record<string, Plan>>;

const SCRIPT: Script = [
  connect(),
  helo(),
  mail(),
  rcpt(),
  header('To', ' a'),
  eoh,
  body('one'),
  body('two'),
  eom,
];

describeWithLibmilter('on the wire', () => {
  let libmilter: RunningFilters;
  let postern: RunningFilters;
  beforeAll(async () => {
    libmilter = await LibmilterFilters.start(PLANS);
    postern = await PosternFilters.start(PLANS);
  });
  afterAll(async () => {
    await postern?.stop();
    await libmilter?.stop();
  });

  /** The codes of the replies to the content of a message, `-` for what was not sent. */
  async function codes(filters: RunningFilters, plan: string): Promise<string> {
    const { mta } = await filters.open(plan);
    const { steps } = await play(mta, OFFERS['v6 that waits'], SCRIPT);
    return steps
      .slice(4)
      .map(({ fate }) => (fate.is === 'answered' ? fate.replies.at(-1)!.charAt(0) : '-'))
      .join('');
  }

  test.each([
    ['header', 'r----', /^cc(cc|cs|s-)r$/],
    ['eoh', 'cd---', /^cc(cc|cs|s-)d$/],
    ['body', 'ccy--', /^cc(cc|cs|s-)y$/],
  ])(`${ATEND}: a verdict at %s`, async (plan, reference, twin) => {
    expect(await codes(libmilter, plan)).toBe(reference);
    // How much of the body the filter is too late to skip depends on who is faster.
    expect(await codes(postern, plan)).toMatch(twin);
  });

  test(ONE_WRITE, async () => {
    const { mta } = await postern.open('changes');
    const { protocol, version, actions } = OFFERS.v6;
    mta.send(encodeCommand({ kind: 'optneg', version, actions, protocol }));
    await mta.next();
    for (const step of [mail(), rcpt(), eom]) {
      if (step.kind !== 'eof') mta.send(encodeCommand(step));
    }
    const codesOfEnd: string[] = [];
    do codesOfEnd.push((await mta.next())!.charAt(0));
    while (codesOfEnd.at(-1) !== 'c');
    expect(codesOfEnd).toEqual(['e', 'h', 'b', 'c']);
    expect(mta.reads).toBe(2);
    mta.destroy();
  });
});
