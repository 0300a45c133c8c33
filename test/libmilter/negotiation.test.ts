/** What filters ask of an MTA, for each set of phases that they can have. */

import { encodeCommand, encodeReply, SMFIF, SMFIP } from 'net-milter-codec';
import { needsOf } from '../../src/milter/needs.ts';
import { negotiate } from '../../src/milter/negotiate.ts';
import { DEFAULT_OPTIONS } from '../../src/policy/options.ts';
import type { RunningFilters } from './filters.ts';
import { LibmilterFilters } from './libmilter-filters.ts';
import { OFFERS, type Offer } from './offers.ts';
import { ALL, type Plan, type PlanPhase } from './plan.ts';
import { EVENT_BITS, type EventPhase } from './play.ts';
import { PosternFilters } from './postern-filters.ts';
import { describeWithLibmilter } from './requirements.ts';

const EVENTS = Object.keys(EVENT_BITS) as EventPhase[];

/** Every set of the nine phases that can be switched off. */
const SETS: readonly (readonly EventPhase[])[] = Array.from({ length: 512 }, (_, set) =>
  EVENTS.filter((_event, at) => (set & (1 << at)) !== 0),
);

const nameOf = (phases: readonly PlanPhase[]) => phases.join(' ') || 'none';

/** The reply to an offer, as bytes without their length. */
async function replyTo(filters: RunningFilters, name: string, offer: Offer): Promise<Buffer> {
  const { mta } = await filters.open(name);
  mta.send(encodeCommand({ kind: 'optneg', ...offer }));
  const reply = await mta.next();
  mta.destroy();
  return Buffer.from(reply ?? '', 'latin1');
}

const protocolOf = (reply: Buffer) => reply.readUInt32BE(9);

/** What Postern answers to that offer with a filter of these phases. */
function answer(phases: readonly PlanPhase[], offer: Offer) {
  const filter = { name: 'filter', phases: new Set(phases), options: DEFAULT_OPTIONS };
  const negotiated = negotiate(offer, needsOf([filter]));
  if (!negotiated.ok) throw new Error(negotiated.reason);
  return negotiated.reply;
}

describeWithLibmilter('all 512 sets of phases', () => {
  let libmilter: RunningFilters;
  beforeAll(async () => {
    const plans = SETS.map((phases): [string, Plan] => [nameOf(phases), { phases }]);
    libmilter = await LibmilterFilters.start(Object.fromEntries(plans));
  });
  afterAll(() => libmilter?.stop());

  test('libmilter switches off what has no callback; Postern asks for less, and for DATA', async () => {
    for (const phases of SETS) {
      const reply = await replyTo(libmilter, nameOf(phases), OFFERS.v6);
      const off = EVENTS.filter((event) => !phases.includes(event));
      const bits = off.reduce((all, event) => all | EVENT_BITS[event].no, 0);
      expect([nameOf(phases), protocolOf(reply)]).toEqual([nameOf(phases), bits]);
      for (const more of [[], ['eom'], ['abort', 'close']] as const) {
        const { protocol } = answer([...phases, ...more], OFFERS.v6);
        for (const event of EVENTS) {
          const dealt = dealOf(protocol, event);
          expect([nameOf(phases), more, event, dealt]).toEqual([
            nameOf(phases),
            more,
            event,
            expectedDeal(event, [...phases, ...more]),
          ]);
        }
      }
    }
  }, 60_000);
});

type Deal = 'answered' | 'told' | 'off';

function dealOf(protocol: number, event: EventPhase): Deal {
  const { no, nr } = EVENT_BITS[event];
  return (protocol & no) !== 0 ? 'off' : (protocol & nr) !== 0 ? 'told' : 'answered';
}

/** The differences 'asks for less' and 'DATA is answered': what the MTA does with each event. */
function expectedDeal(event: EventPhase, phases: readonly PlanPhase[]): Deal {
  const has = (...names: readonly PlanPhase[]) => names.some((name) => phases.includes(name));
  if (event === 'data') return 'answered';
  if (event === 'body') return has('body', 'eom') ? 'told' : 'off';
  if (event === 'header' || event === 'eoh') {
    return has(event) || (event === 'header' && has('eoh', 'body', 'eom')) ? 'told' : 'off';
  }
  if (has(event)) return 'answered';
  // Sendmail says ABORT only if it has had a reply to MAIL.
  if (event === 'mail' && has('abort')) return 'answered';
  return has(...READERS[event]) ? 'told' : 'off';
}

/** Phases in which a filter can ask what the event told. */
const READERS: Readonly<
  Record<'connect' | 'helo' | 'mail' | 'rcpt' | 'unknown', readonly PlanPhase[]>
> = {
  connect: ALL,
  helo: ALL.filter((phase) => phase !== 'connect'),
  mail: ['rcpt', 'data', 'header', 'eoh', 'body', 'eom', 'abort'],
  rcpt: ['data', 'header', 'eoh', 'body', 'eom', 'abort'],
  unknown: [],
};

describe('Postern over a socket', () => {
  const plans: readonly (readonly PlanPhase[])[] = [
    ...ALL.map((phase) => [phase]),
    ALL,
    ['connect', 'mail', 'rcpt'],
    ['rcpt', 'eom'],
    ['header', 'body', 'eom'],
    ['helo', 'unknown', 'close'],
  ];
  let postern: RunningFilters;
  beforeAll(async () => {
    postern = await PosternFilters.start(
      Object.fromEntries(plans.map((phases) => [nameOf(phases), { phases }])),
    );
  });
  afterAll(() => postern?.stop());

  test.each(plans.map((phases) => [nameOf(phases), phases] as const))(
    'says what was computed: %s',
    async (name, phases) => {
      for (const offer of Object.values(OFFERS)) {
        const expected = encodeReply(answer(phases, offer)).subarray(4);
        expect(await replyTo(postern, name, offer)).toEqual(expected);
      }
    },
  );
});

test('changes are asked for where an eom handler could make them', () => {
  expect(answer(['mail', 'body'], OFFERS.v6).actions).toBe(0);
  expect(answer(['eom'], OFFERS.v6).actions).toBe(OFFERS.v6.actions & ~SMFIF.SETSYMLIST);
  expect(answer(['eom'], OFFERS.v6).protocol & SMFIP.HDR_LEADSPC).not.toBe(0);
});
