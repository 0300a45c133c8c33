import { SMFIM } from 'net-milter-codec';
import type { FilterDescription } from '../../src/engine/contract.ts';
import { macroLists } from '../../src/milter/macro-lists.ts';
import { type Need, type NegotiablePhase, needsOf } from '../../src/milter/needs.ts';
import type { Phase } from '../../src/policy/phases.ts';
import { filter } from './fake-engine.ts';

const OFF: Record<NegotiablePhase, Need> = {
  connect: 'off',
  helo: 'off',
  mail: 'off',
  rcpt: 'off',
  data: 'off',
  unknown: 'off',
  header: 'off',
  eoh: 'off',
  body: 'off',
};

describe('phases', () => {
  const cases: [string, FilterDescription[], Partial<Record<NegotiablePhase, Need>>][] = [
    ['nothing', [], {}],
    ['phases that are not SMTP', [filter(['init', 'auth', 'login'])], {}],
    ['connect', [filter(['connect'])], { connect: 'answered' }],
    ['helo', [filter(['helo'])], { connect: 'told', helo: 'answered' }],
    ['mail', [filter(['mail'])], { connect: 'told', helo: 'told', mail: 'answered' }],
    ['rcpt', [filter(['rcpt'])], { connect: 'told', helo: 'told', mail: 'told', rcpt: 'answered' }],
    [
      'data',
      [filter(['data'])],
      { connect: 'told', helo: 'told', mail: 'told', rcpt: 'told', data: 'answered' },
    ],
    ['unknown', [filter(['unknown'])], { connect: 'told', helo: 'told', unknown: 'answered' }],
    [
      'header',
      [filter(['header'])],
      { connect: 'told', helo: 'told', mail: 'told', rcpt: 'told', header: 'told' },
    ],
    [
      'eoh',
      [filter(['eoh'])],
      { connect: 'told', helo: 'told', mail: 'told', rcpt: 'told', header: 'told', eoh: 'told' },
    ],
    [
      'eom',
      [filter(['eom'])],
      { connect: 'told', helo: 'told', mail: 'told', rcpt: 'told', header: 'told', body: 'told' },
    ],
    [
      'abort',
      [filter(['abort'])],
      { connect: 'told', helo: 'told', mail: 'answered', rcpt: 'told' },
    ],
    ['close', [filter(['close'])], { connect: 'told', helo: 'told' }],
    [
      'an observer beside an enforcer',
      [filter(['rcpt', 'connect'], { mode: 'observe' }), filter(['rcpt'])],
      { connect: 'told', helo: 'told', mail: 'told', rcpt: 'answered' },
    ],
    [
      'only the beginning of the body',
      [
        filter(['eom'], { body: { kind: 'first', bytes: 1 } }),
        filter(['body'], { body: { kind: 'none' } }),
      ],
      {
        connect: 'told',
        helo: 'told',
        mail: 'told',
        rcpt: 'told',
        header: 'told',
        body: 'answered',
      },
    ],
  ];
  test.each(cases)('%s', (_name, filters, expected) => {
    expect(needsOf(filters).phases).toEqual({ ...OFF, ...expected });
  });
});

describe('the body', () => {
  const first = (bytes: number) => ({ body: { kind: 'first', bytes } }) as const;
  const cases: [string, FilterDescription[], object][] = [
    ['nobody looks at it', [filter(['rcpt'], { body: { kind: 'all' } })], { kind: 'none' }],
    ['by default all', [filter(['body'])], { kind: 'all' }],
    ['none', [filter(['eom'], { body: { kind: 'none' } })], { kind: 'none' }],
    [
      'the longest beginning',
      [filter(['eom'], first(5)), filter(['body'], first(9))],
      { kind: 'first', bytes: 9 },
    ],
    ['all of it wins', [filter(['eom'], first(5)), filter(['body'])], { kind: 'all' }],
  ];
  test.each(cases)('%s', (_name, filters, expected) => {
    expect(needsOf(filters).body).toEqual(expected);
  });
});

test.each([
  [['eom'], { modifies: true, headers: true }],
  [['header'], { modifies: false, headers: true }],
  [['mail'], { modifies: false, headers: false }],
] as [Phase[], object][])('%s: changes and headers', (phases, expected) => {
  expect(needsOf([filter(phases)])).toMatchObject(expected);
  expect(needsOf([filter(phases, { mode: 'observe' })]).modifies).toBe(false);
});

describe('macros', () => {
  const names = (declared: string[], stage: number) =>
    macroLists(declared).find((list) => list.stage === stage)!.names;

  test('are asked for only if a filter declares some', () => {
    expect(needsOf([filter(['eom'])]).macros).toBeUndefined();
    expect(needsOf([filter(['eom'], { macros: ['{client_ptr}'] })]).macros).toHaveLength(7);
  });

  test('go to the stage where they become known, those that nobody knows to all', () => {
    expect(names(['{client_ptr}'], SMFIM.CONNECT)).toContain('{client_ptr}');
    expect(names(['{client_ptr}'], SMFIM.ENVFROM)).not.toContain('{client_ptr}');
    expect(names(['{cert_issuer}', '{tls_alpn}'], SMFIM.HELO)).toContain('{tls_alpn}');
    for (const stage of Object.values(SMFIM)) {
      expect(names(['b', '{mystery}'], stage)).toEqual(expect.arrayContaining(['b', '{mystery}']));
    }
  });

  test('both EOH and EOM have a list', () => {
    expect(names([], SMFIM.EOH)).toEqual(['i']);
    expect(names([], SMFIM.EOM)).toEqual(['i', '{msg_id}']);
  });

  test('no list is longer than Sendmail takes, and the standard ones stay', () => {
    const declared = Array.from({ length: 80 }, (_, index) => `{m${index}}`);
    const list = names(declared, SMFIM.ENVFROM);
    expect(list).toHaveLength(50);
    expect(list[0]).toBe('i');
  });

  test('what would fall apart in a list is left out', () => {
    expect(names(['{a b}', '{}'], SMFIM.DATA)).toEqual(['i']);
  });
});
