/**
 * Offers that fall short, commands out of their order, broken packets: all of a session is sent
 * at once, and what comes back until the end is what was expected of either side.
 */

import { encodeCommand } from 'net-milter-codec';
import { DIFFERENCES } from './differences.ts';
import type { RunningFilters } from './filters.ts';
import { LibmilterFilters } from './libmilter-filters.ts';
import type { Packet } from './mta-connection.ts';
import { OUT_OF_ORDER } from './out-of-order-cases.ts';
import { PosternFilters } from './postern-filters.ts';
import { describeWithLibmilter } from './requirements.ts';
import type { Script } from './script.ts';
import {
  type Answers,
  OFFERS_THAT_FALL_SHORT,
  STRAY_PLANS,
  type StrayCase,
  USUAL,
} from './stray-cases.ts';
import { VIOLATIONS } from './violation-cases.ts';

const bytesOf = (script: Script) =>
  script.flatMap((step) => (step.kind === 'eof' ? [] : [encodeCommand(step)]));

/**
 * `goodbye`: libmilter takes the end of the stream for the end, and does what came before.
 * Postern does not trouble to answer one who has left, so it is told QUIT.
 */
async function answersOf(
  filters: RunningFilters,
  { plan = 'all', offer = USUAL, first = [], script, bytes = [] }: StrayCase,
  goodbye: 'end' | 'quit',
): Promise<Answers> {
  const { mta, journal } = await filters.open(plan);
  const replies: Packet[] = [];
  // One who closes without having read everything may take back what it has said, so up to
  // the command that makes it close each reply is waited for.
  for (const each of bytesOf(offer ? [{ kind: 'optneg', ...offer }, ...first] : first)) {
    mta.send(each);
    replies.push((await mta.next()) ?? '');
  }
  const quit: Script = goodbye === 'quit' ? [{ kind: 'quit' }] : [];
  mta.send(Buffer.concat([...bytesOf(script), Buffer.from(bytes), ...bytesOf(quit)]));
  if (goodbye === 'end') mta.end();
  replies.push(...(await mta.rest()));
  const heard = (await journal()).map((line) => line.split(' ', 1)[0]).join(' ');
  return { replies: replies.map((packet) => packet.charAt(0)).join(''), heard };
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
      expect(await answersOf(libmilter, stray, 'end')).toEqual(reference);
      expect(await answersOf(postern, stray, 'quit')).toEqual(twin ?? reference);
      if (twin) expect(DIFFERENCES).toHaveProperty([difference!]);
    });
  });
});
