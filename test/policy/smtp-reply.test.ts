import { formatReply, parseReply, ReplyError } from '../../src/policy/smtp-reply.ts';

describe('the arguments of reject and tempfail', () => {
  test('none mean the text of the MTA', () => {
    expect(parseReply([], 5)).toBeUndefined();
  });

  test.each([
    ['No', 5, { code: 550, lines: ['No'] }],
    ['5.7.1 No', 5, { code: 550, enhanced: '5.7.1', lines: ['No'] }],
    ['4.3.0 Later', 4, { code: 451, enhanced: '4.3.0', lines: ['Later'] }],
    ['Later', 4, { code: 451, lines: ['Later'] }],
  ] as const)('a text, %p, has the usual code of its class', (text, replyClass, reply) => {
    expect(parseReply([text], replyClass)).toEqual(reply);
  });

  test('code, enhanced status and lines are taken as they are', () => {
    expect(parseReply([521, '5.3.2', ['one', 'two']], 5)).toEqual({
      code: 521,
      enhanced: '5.3.2',
      lines: ['one', 'two'],
    });
  });

  test.each([
    [[450, '4.7.1', 'x'], 'a code of the other class'],
    [[550.5, '5.7.1', 'x'], 'a code that is no whole number'],
    [[550, '4.7.1', 'x'], 'a status of the other class'],
    [['4.7.1 x'], 'a status of the other class in a text'],
    [[550, '5.7', 'x'], 'a status with a part missing'],
    [[550, '5.7.1', 'a\r\nb'], 'a line break'],
    [[550, '5.7.1', 'a\0b'], 'a NUL'],
    [[550, '5.7.1', []], 'no lines'],
    [[550, '5.7.1', Array(33).fill('x')], 'too many lines'],
    [[550, '5.7.1', 'x'.repeat(981)], 'a line that is too long'],
    [[550, '5.7.1', 'ü'.repeat(491)], 'a line that is too long in UTF-8'],
  ] as [unknown[], string][])('%j is refused: %s', (args) => {
    expect(() => parseReply(args as never, 5)).toThrow(ReplyError);
  });

  test('a reply reads in a log as it does on the wire', () => {
    expect(formatReply({ code: 550, enhanced: '5.7.1', lines: ['a', 'b'] })).toBe(
      '550 5.7.1 a / b',
    );
  });
});
