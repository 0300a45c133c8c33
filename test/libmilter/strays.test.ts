/**
 * Offers that fall short, commands out of their order, broken packets: all of a session is sent
 * at once, and what comes back until the end is what was expected of either side.
 */

import { encodeCommand } from 'net-milter-codec';
import { DIFFERENCES } from './differences.ts';
import type { RunningFilters } from './filters.ts';
import { LibmilterFilters } from './libmilter-filters.ts';
import { OUT_OF_ORDER } from './out-of-order-cases.ts';
import { PosternFilters } from './postern-filters.ts';
import { describeWithLibmilter } from './requirements.ts';
import {
  type Answers,
  OFFERS_THAT_FALL_SHORT,
  STRAY_PLANS,
  type StrayCase,
  USUAL,
} from './stray-cases.ts';
import { VIOLATIONS } from './violation-cases.ts';

async function answersOf(filters: RunningFilters, stray: StrayCase): Promise<Answers> {
  const { plan = 'all', offer = USUAL, script, bytes = [] } = stray;
  const { mta, journal } = await filters.open(plan);
  if (offer) mta.send(encodeCommand({ kind: 'optneg', ...offer }));
  for (const step of script) if (step.kind !== 'eof') mta.send(encodeCommand(step));
  mta.send(Buffer.from(bytes));
  mta.send(encodeCommand({ kind: 'quit' }));
  const replies = (await mta.rest()).map((packet) => packet.charAt(0)).join('');
  const heard = (await journal()).map((line) => line.split(' ', 1)[0]).join(' ');
  return { replies, heard };
}

describeWithLibmilter('what MTAs do not do', () => {
  let libmilter: RunningFilters;
  let postern: RunningFilters;
  beforeAll(async () => {
    libmilter = await LibmilterFilters.start(STRAY_PLANS);
    postern = await PosternFilters.start(STRAY_PLANS);
  });
  afterAll(async () => {
    await postern?.stop();
    await libmilter?.stop();
  });

  describe.each([
    ['offers that fall short', OFFERS_THAT_FALL_SHORT],
    ['commands out of their order', OUT_OF_ORDER],
    ['violations', VIOLATIONS],
  ])('%s', (_title, cases) => {
    test.each(cases)('$what', async (stray) => {
      const { difference, libmilter: reference, postern: twin } = stray;
      expect(await answersOf(libmilter, stray)).toEqual(reference);
      expect(await answersOf(postern, stray)).toEqual(twin ?? reference);
      if (twin) expect(DIFFERENCES).toHaveProperty([difference!]);
    });
  });
});
