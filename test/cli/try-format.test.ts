import { formatTrial } from '../../src/cli/try-format.ts';

test('what filters log is shown, with fields or without; verdicts only once', () => {
  const logged = [
    { level: 'info', text: 'bare', fields: { filter: 'f', phase: 'helo' } },
    { level: 'debug', text: 'rich', fields: { filter: 'f', fields: { a: 1 } } },
    { level: 'info', text: 'filter f: reject', fields: { filter: 'f', verdict: 'reject' } },
    { level: 'info', text: 'listening', fields: {} },
    { level: 'warn', text: 'odd', fields: {} },
  ] as const;
  expect(formatTrial({ events: [], replies: [], logged }).trim().split('\n')).toEqual([
    'info: bare',
    'debug: rich {"a":1}',
    'warn: odd',
  ]);
});
