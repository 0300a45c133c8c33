import { PHASES } from '../../src/policy/phases.ts';
import {
  decidesMessage,
  endsChain,
  misplaced,
  type Verdict,
  withoutDelay,
} from '../../src/policy/verdict.ts';

const ALL: Verdict[] = [
  { kind: 'continue' },
  { kind: 'accept' },
  { kind: 'accept', all: true },
  { kind: 'reject' },
  { kind: 'tempfail' },
  { kind: 'discard' },
  { kind: 'skip' },
];

describe('verdicts and phases', () => {
  test('continue makes sense everywhere', () => {
    for (const phase of PHASES) expect(misplaced({ kind: 'continue' }, phase)).toBeUndefined();
  });

  test.each([
    ['discard', 'connect'],
    ['discard', 'helo'],
    ['skip', 'eom'],
    ['skip', 'header'],
    ['accept', 'unknown'],
    ['reject', 'abort'],
    ['reject', 'close'],
    ['tempfail', 'init'],
  ] as const)('%s makes no sense in %s, and the message says what does', (kind, phase) => {
    expect(misplaced({ kind }, phase)).toMatch(
      new RegExp(`^${kind}\\(\\) makes no sense in ${phase}: (use one of|return nothing)`),
    );
  });

  test('a delay is judged by what follows it', () => {
    expect(misplaced({ kind: 'delay', ms: 1, answer: { kind: 'discard' } }, 'connect')).toContain(
      'discard',
    );
    expect(
      misplaced({ kind: 'delay', ms: 1, answer: { kind: 'reject' } }, 'connect'),
    ).toBeUndefined();
  });

  test('only a refusal, a discard and accept for all end the chain', () => {
    const ending = ALL.filter(endsChain).map((verdict) =>
      verdict.kind === 'accept' ? 'accept all' : verdict.kind,
    );
    expect(ending).toEqual(['accept all', 'reject', 'tempfail', 'discard']);
    expect(endsChain({ kind: 'delay', ms: 1, answer: { kind: 'reject' } })).toBe(true);
  });

  test('a refused recipient is not a refused message', () => {
    expect(decidesMessage({ kind: 'reject' }, 'rcpt')).toBe(false);
    expect(decidesMessage({ kind: 'discard' }, 'rcpt')).toBe(true);
    expect(decidesMessage({ kind: 'reject' }, 'mail')).toBe(true);
    expect(decidesMessage({ kind: 'reject' }, 'connect')).toBe(false);
  });

  test('nested delays add up', () => {
    const nested: Verdict = {
      kind: 'delay',
      ms: 10,
      answer: { kind: 'delay', ms: 5, answer: { kind: 'discard' } },
    };
    expect(withoutDelay(nested)).toEqual({ verdict: { kind: 'discard' }, delayMs: 15 });
  });
});
