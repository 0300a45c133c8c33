import fc from 'fast-check';
import {
  SMFI_CURR_ACTS,
  SMFI_CURR_PROT,
  SMFI_V2_ACTS,
  SMFI_V2_PROT,
  SMFIF,
  SMFIP,
} from 'net-milter-codec';
import { NEGOTIABLE_PHASES, needsOf } from '../../src/milter/needs.ts';
import { negotiate, type Offer } from '../../src/milter/negotiate.ts';
import { SMTP_PHASES } from '../../src/policy/phases.ts';
import { filter } from './fake-engine.ts';

const POSTFIX: Offer = { version: 6, actions: SMFI_CURR_ACTS, protocol: SMFI_CURR_PROT };

function agreed(offer: Offer, ...filters: Parameters<typeof needsOf>[0]) {
  const negotiated = negotiate(offer, needsOf(filters));
  if (!negotiated.ok) throw new Error(negotiated.reason);
  return negotiated;
}

describe('the reply', () => {
  const bits = SMFIP;
  // DATA is answered in any case.
  const unused = bits.NOUNKNOWN;
  const envelope = bits.NR_CONN | bits.NR_HELO | bits.NR_MAIL | bits.NR_RCPT;

  test.each([
    [
      'rcpt',
      filter(['rcpt']),
      0,
      (envelope & ~bits.NR_RCPT) | unused | bits.NOHDRS | bits.NOEOH | bits.NOBODY,
    ],
    [
      'eom',
      filter(['eom']),
      SMFI_CURR_ACTS & ~SMFIF.SETSYMLIST,
      envelope | unused | bits.NR_HDR | bits.NOEOH | bits.NR_BODY | bits.SKIP | bits.HDR_LEADSPC,
    ],
    [
      'eom, the beginning of the body',
      filter(['eom'], { body: { kind: 'first', bytes: 9 } }),
      SMFI_CURR_ACTS & ~SMFIF.SETSYMLIST,
      envelope | unused | bits.NR_HDR | bits.NOEOH | bits.SKIP | bits.HDR_LEADSPC,
    ],
    [
      'eom, observed',
      filter(['eom'], { mode: 'observe' }),
      0,
      envelope | unused | bits.NR_HDR | bits.NOEOH | bits.NR_BODY | bits.SKIP | bits.HDR_LEADSPC,
    ],
  ])('%s on a current MTA', (_name, description, actions, protocol) => {
    const { reply } = agreed(POSTFIX, description);
    expect(reply).toEqual({ kind: 'optneg', version: 6, actions, protocol });
  });

  test('leaves DATA to be answered at once, so that TCP has a reply that acknowledges the envelope', () => {
    for (const description of [filter(['eom']), filter(['data'], { mode: 'observe' })]) {
      const { reply, agreement } = agreed(POSTFIX, description);
      expect(reply.protocol & (SMFIP.NODATA | SMFIP.NR_DATA)).toBe(0);
      expect(agreement.phases.data).toMatchObject({ replies: true, waits: false });
    }
  });

  test('macro lists only where SETSYMLIST was offered and somebody asks', () => {
    const asking = filter(['eom'], { macros: ['{client_ptr}'] });
    const { reply } = agreed(POSTFIX, asking);
    expect(reply.actions).toBe(SMFI_CURR_ACTS);
    expect(reply.macros).toHaveLength(7);
    const without = agreed({ ...POSTFIX, actions: SMFI_V2_ACTS }, asking);
    expect(without.reply).not.toHaveProperty('macros');
    expect(without.reply.actions).toBe(SMFI_V2_ACTS);
  });

  test('a newer MTA gets version 6, an older one its own', () => {
    expect(agreed({ ...POSTFIX, version: 9 }).reply.version).toBe(6);
    expect(agreed({ ...POSTFIX, version: 2 }).reply.version).toBe(2);
  });

  test.each([0, 1])('version %d is refused', (version) => {
    expect(negotiate({ ...POSTFIX, version }, needsOf([]))).toEqual({
      ok: false,
      reason: `expected protocol version 2 or newer, got ${version}`,
    });
  });

  test('an offer of nothing means what version 1 had', () => {
    const { reply } = agreed({ version: 2, actions: 0, protocol: 0 }, filter(['eom']));
    expect(reply).toMatchObject({ actions: 0xf, protocol: 0 });
    expect(agreed({ version: 2, actions: 0, protocol: 0 }).reply.protocol).toBe(0x3f);
  });

  test('only what was offered is asked for, whatever the filters need', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 0x1ff }),
        fc.integer({ min: 1, max: 0x1fffff }),
        fc.subarray([...SMTP_PHASES]),
        fc.constantFrom('enforce', 'observe' as const),
        (actions, protocol, phases, mode) => {
          const { reply, agreement } = agreed(
            { version: 6, actions, protocol },
            filter(phases, { mode, macros: ['b'] }),
          );
          expect(reply.actions & ~actions).toBe(0);
          expect(reply.protocol & ~protocol).toBe(0);
          // What is waited for must be answered.
          for (const phase of NEGOTIABLE_PHASES) {
            const deal = agreement.phases[phase];
            expect(deal.waits && !deal.replies).toBe(false);
            if (!deal.handled) expect(deal.waits).toBe(false);
          }
        },
      ),
    );
  });
});

describe('what was not offered is made good', () => {
  const old: Offer = { version: 2, actions: SMFI_V2_ACTS, protocol: SMFI_V2_PROT };

  test('an MTA that cannot be told not to wait is answered at once', () => {
    const { phases, skip, leadingSpace } = agreed(old, filter(['header', 'rcpt'])).agreement;
    expect(phases.header).toEqual({ handled: true, replies: true, waits: false });
    expect(phases.connect).toEqual({ handled: true, replies: true, waits: false });
    expect(phases.rcpt).toEqual({ handled: true, replies: true, waits: true });
    expect({ skip, leadingSpace }).toEqual({ skip: false, leadingSpace: false });
  });

  test('a chunk of the body is answered, so that SKIP can be, but never with a verdict', () => {
    const beginning = filter(['body'], { body: { kind: 'first', bytes: 9 } });
    const { phases } = agreed(POSTFIX, beginning).agreement;
    expect(phases.body).toEqual({ handled: true, replies: true, waits: false });
  });

  test('what cannot be switched off is answered and forgotten', () => {
    const { phases } = agreed(old, filter(['connect'])).agreement;
    expect(phases.data).toEqual({ handled: false, replies: true, waits: false });
  });

  test('what cannot be switched off need at least not be waited for', () => {
    const { reply, agreement } = agreed(
      { ...POSTFIX, protocol: SMFI_CURR_PROT & ~SMFIP.NOUNKNOWN },
      filter(['connect']),
    );
    expect(reply.protocol & SMFIP.NR_UNKN).not.toBe(0);
    expect(agreement.phases.unknown).toEqual({ handled: false, replies: false, waits: false });
  });
});
