import fc from 'fast-check';
import { formatReplycode, MilterCodecError, parseReplycode, type Replycode } from '../src/index.ts';

describe('the text of a reply', () => {
  test.each<[string, Replycode, string]>([
    ['one line', { code: 550, lines: ['No'] }, '550 No'],
    ['a status', { code: 550, enhanced: '5.7.1', lines: ['No'] }, '550 5.7.1 No'],
    ['no text', { code: 451, enhanced: '4.3.0', lines: [''] }, '451 4.3.0 '],
    [
      'three lines',
      { code: 451, enhanced: '4.7.1', lines: ['one', '', 'three'] },
      '451-4.7.1 one\r\n451-4.7.1 \r\n451 4.7.1 three',
    ],
    ['per cent', { code: 550, lines: ['100% spam, %%'] }, '550 100%% spam, %%%%'],
    ['text beyond ASCII', { code: 550, lines: ['\u017d\u00e9'] }, '550 \u00c5\u00bd\u00c3\u00a9'],
  ])('has the form that MTAs want: %s', (_, reply, text) => {
    expect(formatReplycode(reply)).toBe(text);
    expect(parseReplycode(text)).toStrictEqual(reply);
  });

  test('comes back from its wire form', () => {
    const line = fc
      .string({ unit: 'grapheme', maxLength: 60 })
      .filter((text) => !/[\0\r\n]/.test(text) && !/^[45]\.\d/.test(text));
    const code = fc.integer({ min: 400, max: 599 });
    const lines = fc.array(line, { minLength: 1, maxLength: 32 });
    const status = fc.constantFrom('', '7.1', '0.0', '123.456');
    fc.assert(
      fc.property(code, lines, status, (code, lines, detail) => {
        const enhanced = `${Math.floor(code / 100)}.${detail}`;
        const whole = detail === '' ? { code, lines } : { code, enhanced, lines };
        expect(parseReplycode(formatReplycode(whole))).toStrictEqual(whole);
      }),
    );
  });

  test.each<[string, Partial<Replycode>, string]>([
    ['a code of class 2', { code: 250 }, 'code'],
    ['a code of class 6', { code: 600 }, 'code'],
    ['half a code', { code: 550.5 }, 'code'],
    ['a status of another class', { enhanced: '4.7.1' }, 'enhanced'],
    ['a status with two numbers', { enhanced: '5.7' }, 'enhanced'],
    ['a status with a long number', { enhanced: '5.7.1234' }, 'enhanced'],
    ['a status with more behind it', { enhanced: '5.7.1 ' }, 'enhanced'],
    ['no lines', { lines: [] }, 'lines'],
    ['33 lines', { lines: Array(33).fill('x') }, 'lines'],
    ['a line break', { lines: ['a\nb'] }, 'lines'],
    ['a carriage return', { lines: ['a\rb'] }, 'lines'],
    ['a NUL', { lines: ['a\0b'] }, 'lines'],
    ['a line of 981 bytes', { lines: ['x'.repeat(981)] }, 'lines'],
    ['a line of 491 characters of two bytes', { lines: ['\u00e9'.repeat(491)] }, 'lines'],
  ])('is refused with %s', (_, change, field) => {
    const run = () => formatReplycode({ code: 550, lines: ['x'], ...change });
    expect(run).toThrow(MilterCodecError);
    expect(run).toThrow(
      expect.objectContaining({
        code: 'ERR_MILTER_REPLYCODE',
        where: { packet: 'SMFIR_REPLYCODE', field, offset: 0 },
      }),
    );
  });

  test('may have 32 lines of 980 bytes, status and doubled per cent not counted', () => {
    const reply = { code: 550, enhanced: '5.7.1', lines: Array(32).fill('%'.repeat(980)) };
    expect(parseReplycode(formatReplycode(reply))).toStrictEqual(reply);
  });
});

describe('the text of a reply from elsewhere', () => {
  test.each([
    ['no code', 'no'],
    ['a code of class 2', '250 ok'],
    ['only a code', '550'],
    ['a last line that promises more', '550-x'],
    ['a middle line that ends it', '550 x\r\n550 y'],
    ['another code on a later line', '550-x\r\n551 y'],
    ['no code on a later line', '550-x\r\ny'],
    ['a bare line break', '550 x\ny'],
    ['a line break at the end', '550 x\r\n'],
    ['a NUL', '550 \0'],
    ['a single per cent', '550 100%'],
    ['an odd number of per cents', '550 %%%'],
    ['a line of 981 bytes', `550 ${'x'.repeat(981)}`],
    ['33 lines', `${'550-x\r\n'.repeat(32)}550 x`],
  ])('is refused with %s', (_, text) => {
    expect(() => parseReplycode(text)).toThrow(
      expect.objectContaining({ code: 'ERR_MILTER_REPLYCODE' }),
    );
  });

  test.each<[string, string, Replycode]>([
    ['without a status', '550 5.7 x', { code: 550, lines: ['5.7 x'] }],
    ['with a status of another class', '550 4.7.1 x', { code: 550, lines: ['4.7.1 x'] }],
    ['with nothing but a status', '550 5.7.1', { code: 550, enhanced: '5.7.1', lines: [''] }],
    [
      'with a status on one line only',
      '550-5.7.1 x\r\n550 y',
      { code: 550, lines: ['5.7.1 x', 'y'] },
    ],
    ['with bytes that are not UTF-8', '550 \u00e9', { code: 550, lines: ['\u00e9'] }],
  ])('is understood %s', (_, text, reply) => {
    expect(parseReplycode(text)).toStrictEqual(reply);
  });
});
