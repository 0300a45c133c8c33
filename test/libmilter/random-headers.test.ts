/**
 * Any sequence of header changes: Postern says it in other steps than libmilter does, but on
 * Postfix, which takes each step as it comes, the headers are the same in the end.
 */

import fc from 'fast-check';
import { decodeReply, SMFIP } from 'net-milter-codec';
import { PostfixHeaders } from '../milter/header-models.ts';
import { add, change, changing, insert, MESSAGE_HEADERS, POSTFIX, remove } from './changes.ts';
import type { RunningFilters } from './filters.ts';
import { LibmilterFilters } from './libmilter-filters.ts';
import { OFFERS } from './offers.ts';
import type { PlanChange } from './plan.ts';
import { play } from './play.ts';
import { PosternFilters } from './postern-filters.ts';
import { describeWithLibmilter } from './requirements.ts';

const name = fc.constantFrom('X-Many', 'x-many', 'Subject', 'X-New', 'X-Other');
const nth = fc.integer({ min: 1, max: 4 });
const value = fc.constantFrom('a', 'b', 'c', 'd', 'e');

/** Not at the very top, where Postfix does not count the first header. */
const index = fc.integer({ min: 1, max: 9 });

const changes: fc.Arbitrary<PlanChange[]> = fc.array(
  fc.oneof(
    fc.tuple(name, value).map((args) => add(...args)),
    fc.tuple(index, name, value).map((args) => insert(...args)),
    fc.tuple(name, nth, value).map((args) => change(...args)),
    fc.tuple(name, nth).map((args) => remove(...args)),
  ),
  { minLength: 2, maxLength: 8 },
);

const PLANS = fc.sample(changes, { numRuns: 40, seed: 20_260_701 });

describeWithLibmilter('random changes of headers', () => {
  let libmilter: RunningFilters;
  let postern: RunningFilters;
  beforeAll(async () => {
    const plans = Object.fromEntries(PLANS.map((each, at) => [String(at), changing(...each)]));
    libmilter = await LibmilterFilters.start(plans);
    postern = await PosternFilters.start(plans);
  });
  afterAll(async () => {
    await postern?.stop();
    await libmilter?.stop();
  });

  test.each(PLANS.map((each, at) => [at, each] as const))(
    'come to the same on Postfix (%i)',
    async (at) => {
      const [reference, twin] = await Promise.all([
        headersAfter(libmilter, String(at)),
        headersAfter(postern, String(at)),
      ]);
      expect(twin).toEqual(reference);
    },
  );
});

/** The headers that Postfix has after it did what the filter said. */
async function headersAfter(filters: RunningFilters, plan: string): Promise<readonly string[]> {
  const { mta } = await filters.open(plan);
  const { steps, protocol } = await play(mta, OFFERS.v6, POSTFIX);
  const fate = steps.find(({ step }) => step.kind === 'bodyeob')!.fate;
  if (fate.is !== 'answered') throw new Error('no reply to the end of the message');
  const headers = new PostfixHeaders(
    MESSAGE_HEADERS.map(([header, raw]) => ({ name: header, raw })),
    (protocol & SMFIP.HDR_LEADSPC) !== 0,
  );
  for (const packet of fate.replies.slice(0, -1)) headers.apply(decodedReply(packet));
  return headers.shown;
}

function decodedReply(packet: string) {
  const bytes = Buffer.from(packet, 'latin1');
  return decodeReply({ code: bytes[0]!, data: bytes.subarray(1) });
}
