import { checkStep } from '../../src/engine/step.ts';
import { type DoneItem, outputMisfit, parseOutbox } from '../../src/runner/running.ts';
import { SandboxLost } from '../../src/runner/sandbox.ts';

const reply = { code: 550, enhanced: '5.7.1', lines: ['No'] };
const value = { text: 'x' };

/** What handlers honestly end with. */
const HONEST: readonly (readonly [verdict: unknown, modifications: unknown])[] = [
  [{ kind: 'continue' }, null],
  [null, null],
  [{ kind: 'accept', all: true }, null],
  [{ kind: 'reject' }, null],
  [{ kind: 'reject', reply }, null],
  [{ kind: 'tempfail', reply: { code: 451, lines: ['a', 'b'] } }, null],
  [{ kind: 'delay', ms: 1.5, answer: { kind: 'reject', reply } }, null],
  [{ kind: 'discard' }, []],
  [
    { kind: 'continue' },
    [
      { kind: 'addHeader', name: 'X', value },
      { kind: 'insertHeader', index: 0, name: 'X', value: { bytes: 'x' } },
      { kind: 'insertHeaderBeside', side: 'after', other: 0, name: 'X', value },
      { kind: 'changeHeader', name: 'X', nth: 1, value },
      { kind: 'deleteHeader', name: 'X' },
      { kind: 'deleteHeader', name: 'X', nth: 2 },
      { kind: 'setSender', address: '', args: [] },
      { kind: 'addRecipient', address: 'a@example.org', args: ['NOTIFY=NEVER'] },
      { kind: 'deleteRecipient', address: 'a@example.org' },
      { kind: 'replaceBody', body: 'x' },
      { kind: 'quarantine', reason: 'x' },
    ],
  ],
];

const WRONG: readonly (readonly [verdict: unknown, modifications: unknown])[] = [
  [{ kind: 'skip' }, null],
  [{ kind: 'reject', reply: { code: 451, lines: ['a'] } }, null],
  [{ kind: 'reject', reply: { code: 550, lines: [5] } }, null],
  [{ kind: 'accept', all: 1 }, null],
  [{ kind: 'delay', ms: -1, answer: { kind: 'reject' } }, null],
  [{ kind: 'delay', ms: 1, answer: null }, null],
  [null, [{ kind: 'changeHeader', name: 'X', nth: 0, value }]],
  [null, [{ kind: 'insertHeaderBeside', side: 'under', other: 0, name: 'X', value }]],
  [null, [{ kind: 'setSender', address: '', args: [1] }]],
  [null, [{ kind: 'replaceBody' }]],
];

function done([verdict, modifications]: (typeof HONEST)[number]): DoneItem {
  const [item] = parseOutbox(JSON.stringify([['done', 1, verdict, modifications, null, '{}']]));
  return item as DoneItem;
}

function failureInWorker([verdict, modifications]: (typeof HONEST)[number]): unknown {
  const report = {
    filter: 0,
    ...(verdict !== null && { verdict }),
    ...(modifications !== null && { modifications }),
  };
  return checkStep(report, 'eom').failure?.kind;
}

test.each(HONEST)('runner and worker both take what a handler may end with: %j %j', (...ended) => {
  expect(outputMisfit(done(ended), 'eom')).toBeUndefined();
  expect(failureInWorker(ended)).toBeUndefined();
});

test.each(WRONG)('runner and worker both refuse what no handler ends with: %j %j', (...ended) => {
  expect(outputMisfit(done(ended), 'eom')).toEqual(expect.any(String));
  expect(failureInWorker(ended)).toBe('output');
});

test('an outbox is taken as a whole or not at all', () => {
  const items = [
    ['call', 1, 2, 'kv.get', [null, 'key']],
    ['log', 2, 'info', 'text', { a: [1] }],
    ['fail', 2, 'message', 'stack'],
  ];
  expect(parseOutbox(JSON.stringify(items))).toEqual(items);
  expect(() => parseOutbox(JSON.stringify([...items, null]))).toThrow(SandboxLost);
});
