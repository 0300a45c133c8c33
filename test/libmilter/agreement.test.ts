/**
 * A filter on libmilter that asks for what Postern asks for (xxfi_negotiate): now every packet
 * is the same, with each MTA. What an MTA does not offer, both make up for.
 */

import { SMFI_CURR_ACTS, SMFI_CURR_PROT, SMFIF, SMFIP } from 'net-milter-codec';
import { macroLists } from '../../src/milter/macro-lists.ts';
import { needsOf } from '../../src/milter/needs.ts';
import { negotiate } from '../../src/milter/negotiate.ts';
import { DEFAULT_OPTIONS } from '../../src/policy/options.ts';
import type { RunningFilters } from './filters.ts';
import { LibmilterFilters } from './libmilter-filters.ts';
import { NO_REPLY_BITS, OFFERS, type Offer } from './offers.ts';
import { ALL, type Plan, reply, verdict } from './plan.ts';
import { play } from './play.ts';
import { PosternFilters } from './postern-filters.ts';
import { describeWithLibmilter } from './requirements.ts';
import { abort, connect, helo, message, rcpt, type Script, unknown } from './script.ts';
import { printed } from './smtp-view.ts';

const V6 = OFFERS.v6;

const MTAS: Readonly<Record<string, Offer>> = {
  ...OFFERS,
  'v7, one day': { ...V6, version: 7 },
  'v6 with bits that nobody knows': { ...V6, actions: 0xffff, protocol: 0xff_ffff },
  'v6 that waits for headers': { ...V6, protocol: SMFI_CURR_PROT & ~SMFIP.NR_HDR },
  'v6 without SKIP': { ...V6, protocol: SMFI_CURR_PROT & ~SMFIP.SKIP },
  'v6 without macro lists': { ...V6, actions: SMFI_CURR_ACTS & ~SMFIF.SETSYMLIST },
  'v6 with few changes': { ...V6, actions: SMFIF.ADDHDRS | SMFIF.CHGHDRS },
  'v6 that sends DATA and unknown commands in any case': {
    ...V6,
    protocol: SMFI_CURR_PROT & ~(SMFIP.NODATA | SMFIP.NOUNKNOWN | NO_REPLY_BITS),
  },
  'v2 that offers nothing, which means what v1 had': { version: 2, actions: 0, protocol: 0 },
};

const PLANS: Readonly<Record<string, Plan>> = {
  'every phase': { phases: ALL },
  envelope: {
    phases: ['connect', 'helo', 'mail', 'rcpt'],
    rules: [
      { phase: 'helo', when: 'bad', verdict: verdict('reject') },
      { phase: 'mail', when: 'refused', verdict: reply(550, '5.7.1', 'No') },
      { phase: 'rcpt', when: 'second', verdict: reply(450, '4.2.0', 'Later') },
    ],
  },
  'the end of messages': {
    phases: ['eom'],
    changes: [{ kind: 'addheader', name: 'X-Added', value: 'value' }],
  },
  'headers alone': { phases: ['header'] },
  'bodies alone': { phases: ['body', 'abort'] },
  'commands alone': { phases: ['data', 'unknown'] },
  'the end of connections': { phases: ['close'] },
  'macros of its own': {
    phases: ['rcpt', 'eom'],
    declares: ['{client_ptr}', '{rcpt_extra}', '{x}'],
  },
  nothing: { phases: [] },
};

const SCRIPT: Script = [
  connect(),
  helo(),
  unknown('XWHAT'),
  ...message('<refused@example.org>'),
  abort,
  ...message().flatMap((step) =>
    step.kind === 'data' ? [rcpt('<second@example.com>'), step] : [step],
  ),
  helo('again'),
  abort,
  ...message(),
];

/** The plan with an xxfi_negotiate that asks for what Postern would ask of an MTA with everything. */
function agreeing(plan: Plan): Plan {
  const { phases, declares = [] } = plan;
  const options = { ...DEFAULT_OPTIONS, macros: declares };
  const filter = { name: 'filter', phases: new Set(phases), options };
  const negotiated = negotiate(V6, needsOf([filter]));
  if (!negotiated.ok) throw new Error(negotiated.reason);
  const { actions, protocol } = negotiated.reply;
  const lists = declares.length > 0 ? macroLists(declares) : [];
  return {
    ...plan,
    libmilter: {
      actions,
      protocol,
      macroLists: lists.map(({ stage, names }) => [stage, names.join(' ')]),
    },
  };
}

async function packets(filters: RunningFilters, plan: string, offer: Offer) {
  const { mta } = await filters.open(plan);
  const { negotiated, steps, rest } = await play(mta, offer, SCRIPT);
  return [
    `negotiation: ${negotiated === undefined ? 'closed' : printed(negotiated)}`,
    ...steps.map(({ title, fate }) =>
      fate.is === 'answered'
        ? `${title}: ${fate.replies.map(printed).join(' ')}`
        : `${title} (${fate.is})`,
    ),
    `left over: ${rest.map(printed).join(' ')}`,
  ];
}

describeWithLibmilter('filters that ask for the same', () => {
  let libmilter: RunningFilters;
  let postern: RunningFilters;
  beforeAll(async () => {
    const plans = Object.entries(PLANS);
    libmilter = await LibmilterFilters.start(
      Object.fromEntries(plans.map(([name, plan]) => [name, agreeing(plan)])),
    );
    postern = await PosternFilters.start(PLANS);
  });
  afterAll(async () => {
    await postern?.stop();
    await libmilter?.stop();
  });

  describe.each(Object.keys(PLANS))('%s', (plan) => {
    test.each(Object.entries(MTAS))('%s', async (_mta, offer) => {
      const [reference, twin] = await Promise.all([
        packets(libmilter, plan, offer),
        packets(postern, plan, offer),
      ]);
      expect(twin).toEqual(reference);
    });
  });
});
