/** Plays scenarios to a filter on libmilter and to its twin in Postern, and compares. */

import { DIFFERENCES, type Difference } from './differences.ts';
import type { RunningFilters } from './filters.ts';
import { LibmilterFilters } from './libmilter-filters.ts';
import { OFFER_NAMES, OFFERS, type OfferName } from './offers.ts';
import type { Plan } from './plan.ts';
import { play } from './play.ts';
import { PosternFilters } from './postern-filters.ts';
import { describeWithLibmilter } from './requirements.ts';
import type { Script } from './script.ts';
import { type Seen, smtpView } from './smtp-view.ts';

export interface Scenario {
  readonly name: string;
  readonly plan: Plan;
  readonly script: Script;
  /** By default all of them. */
  readonly offers?: readonly OfferName[];
  readonly differences?: readonly Difference[];
}

/** What a session came to: for the SMTP client, and for the filter. */
interface Observed {
  readonly seen: readonly Seen[];
  readonly journal: readonly string[];
}

/** One test for each scenario and offer; all filters run together. */
export function describeScenarios(title: string, scenarios: readonly Scenario[]): void {
  describeWithLibmilter(title, () => {
    let libmilter: RunningFilters;
    let postern: RunningFilters;
    beforeAll(async () => {
      const plans = Object.fromEntries(scenarios.map(({ plan }) => [keyOf(plan), plan]));
      libmilter = await LibmilterFilters.start(plans);
      postern = await PosternFilters.start(plans);
    });
    afterAll(async () => {
      await postern?.stop();
      await libmilter?.stop();
    });

    test.each(scenarios)('$name', async ({ plan, script, offers, differences = [] }) => {
      for (const offer of offers ?? OFFER_NAMES) {
        const [reference, twin] = await Promise.all([
          observe(libmilter, plan, offer, script),
          observe(postern, plan, offer, script),
        ]);
        const here = differences.filter((difference) => difference.offers?.includes(offer) ?? true);
        expectSame(offer, reference, twin, here);
      }
    });
  });
}

/** Scenarios with the same plan share a filter. */
const keyOf = (plan: Plan) => JSON.stringify(plan);

async function observe(
  filters: RunningFilters,
  plan: Plan,
  offer: OfferName,
  script: Script,
): Promise<Observed> {
  const session = await filters.open(keyOf(plan));
  try {
    const seen = smtpView(await play(session.mta, OFFERS[offer], script));
    return { seen, journal: await session.journal() };
  } finally {
    session.mta.destroy();
  }
}

/** Postern is what libmilter is, but for the differences, which have to be there. */
function expectSame(
  offer: OfferName,
  libmilter: Observed,
  postern: Observed,
  differences: readonly Difference[],
): void {
  const expected = new Map(libmilter.seen.map(({ at, replies }) => [at, replies]));
  for (const { name, at, libmilter: from = [], postern: to = [] } of differences) {
    expect(DIFFERENCES).toHaveProperty([name]);
    for (const place of [at ?? []].flat()) {
      expect([offer, name, place, expected.get(place)]).toEqual([offer, name, place, from]);
      expected.set(place, to);
    }
  }
  const all = new Map(postern.seen.map(({ at, replies }) => [at, replies]));
  expect([offer, ...replyLines(all)]).toEqual([offer, ...replyLines(expected)]);
  const extra = (side: 'onlyLibmilter' | 'onlyPostern') =>
    differences.flatMap((difference) => difference[side] ?? []);
  expect([offer, ...without(postern.journal, extra('onlyPostern'))]).toEqual([
    offer,
    ...without(forgotten(libmilter.journal, differences), extra('onlyLibmilter')),
  ]);
}

const replyLines = (seen: ReadonlyMap<string, readonly string[]>) =>
  [...seen].map(([at, replies]) => `${at} -> ${replies.join(' ')}`);

/** The lines without the macros that the differences take from them. */
function forgotten(
  journal: readonly string[],
  differences: readonly Difference[],
): readonly string[] {
  let lines = journal;
  for (const { forgets } of differences) {
    if (!forgets) continue;
    const before = lines;
    lines = lines.map((line) =>
      forgets.lines.some((beginning) => line.startsWith(beginning))
        ? line
            .split(' ')
            .filter((word) => !forgets.macros.includes(macroOf(word)))
            .join(' ')
        : line,
    );
    expect(lines).not.toEqual(before);
  }
  return lines;
}

/** The name in `name=value`. */
const macroOf = (word: string) => word.slice(0, Math.max(0, word.indexOf('=')));

/** The lines without those, which have to be among them in this order. */
function without(lines: readonly string[], extra: readonly string[]): readonly string[] {
  const left = [...extra];
  const kept = lines.filter((line) => {
    if (line !== left[0]) return true;
    left.shift();
    return false;
  });
  return left.length === 0 ? kept : [...kept, `not found: ${left.join(', ')}`];
}
