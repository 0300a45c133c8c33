import { encodeFact, FactCursor, FactLog, parseFact } from '../../src/runner/fact-log.ts';

const facts = (log: FactLog, cursor: FactCursor) => log.since(cursor).map(({ fact }) => fact);

describe('the log of facts', () => {
  test('gives each reader what it has not seen', () => {
    const log = new FactLog();
    const first = new FactCursor();
    log.append('connection', 'a');
    expect(facts(log, first)).toEqual(['a']);
    log.append('message', 'b');
    expect(facts(log, first)).toEqual(['b']);
    expect(facts(log, first)).toEqual([]);
    expect(facts(log, new FactCursor())).toEqual(['a', 'b']);
  });

  test('forgets an earlier message, also for those who never heard of it', () => {
    const log = new FactLog();
    const reader = new FactCursor();
    log.append('message', 'first');
    facts(log, reader);
    log.begin('message');
    log.append('message', 'second');
    expect(facts(log, reader)).toEqual(['second']);
    expect(facts(log, new FactCursor())).toEqual(['second']);
  });

  test('is copied with its generations', () => {
    const log = new FactLog();
    log.append('connection', 'c');
    log.begin('message');
    log.append('message', 'm');
    const copy = new FactLog();
    copy.append('message', 'stale');
    for (const entry of log.since(new FactCursor())) copy.copy(entry);
    expect(facts(copy, new FactCursor())).toEqual(['c', 'm']);
    expect(copy.generation('message')).toBe(log.generation('message'));
  });

  test('carries header blocks as they are', () => {
    const fact = {
      f: 'headers',
      block: 'Subject\0 =?utf-8?q?=C3=BC?=\n fold\0X\0 \xff\0',
      decoded: { 0: 'ü fold' },
    } as const;
    expect(parseFact(encodeFact(fact))).toEqual(fact);
    const helo = { f: 'helo', name: 'mx' } as const;
    expect(parseFact(encodeFact(helo))).toEqual(helo);
  });
});
