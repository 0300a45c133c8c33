import fc from 'fast-check';
import * as milter from '../src/index.ts';
import {
  decodeText,
  encodeReplies,
  encodeText,
  foldedHeaderValue,
  isHeaderName,
  maxChunkBytes,
  plainAddress,
  SMFIP,
  splitBody,
} from '../src/index.ts';

describe('wire strings', () => {
  test('in ASCII are text as they are', () => {
    expect(decodeText('abc')).toBe('abc');
    expect(encodeText('abc')).toBe('abc');
  });

  test('in UTF-8 are decoded', () => {
    expect(decodeText('\u00c3\u00bc')).toBe('\u00fc');
    expect(decodeText('\u00f0\u009f\u0093\u00ac')).toBe('\u{1f4ec}');
  });

  test('that are not UTF-8 are Latin-1', () => {
    expect(decodeText('\u00fc')).toBe('\u00fc');
    expect(decodeText('\u00c3\u00bc\u00ff')).toBe('\u00c3\u00bc\u00ff');
  });

  test('that were decoded before stay as they are', () => {
    expect(decodeText('\u0159\u00c3\u00bc')).toBe('\u0159\u00c3\u00bc');
  });

  test('keep a byte order mark', () => {
    expect(decodeText('\u00ef\u00bb\u00bfa')).toBe('\ufeffa');
  });

  test('come from any text and lead back to it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const bytes = encodeText(text);
        expect(Buffer.from(bytes, 'latin1')).toEqual(Buffer.from(text, 'utf8'));
        expect(decodeText(bytes)).toBe(text);
      }),
    );
  });

  test('come from a lone surrogate too', () => {
    expect(encodeText('\ud800')).toBe('\u00ef\u00bf\u00bd');
  });

  test('of any bytes decode without an error', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(typeof decodeText(Buffer.from(bytes).toString('latin1'))).toBe('string');
      }),
    );
  });
});

describe('the address of a client', () => {
  test.each([
    ['inet', '192.0.2.1', '192.0.2.1'],
    ['inet', '[192.0.2.1]', '192.0.2.1'],
    ['inet', 'IPv6:x', 'IPv6:x'],
    ['inet6', '2001:db8::1', '2001:db8::1'],
    ['inet6', 'IPv6:2001:db8::1', '2001:db8::1'],
    ['inet6', 'ipV6:2001:db8::1', '2001:db8::1'],
    ['inet6', '[2001:db8::1]', '2001:db8::1'],
    ['inet6', '[IPv6:2001:db8::1]', '2001:db8::1'],
    ['inet6', 'IPv6:[2001:db8::1]', '2001:db8::1'],
    ['unix', '[/run/IPv6:]', '[/run/IPv6:]'],
    ['unknown', '', ''],
  ] as const)('of the family %s, %s, is plainly %s', (family, address, plain) => {
    expect(plainAddress(family, address)).toBe(plain);
  });
});

describe('a new body', () => {
  const lengths = (replies: { chunk: Buffer }[]) => replies.map(({ chunk }) => chunk.length);

  test('that is empty is one empty reply', () => {
    expect(encodeReplies(splitBody(Buffer.alloc(0)))).toEqual(Buffer.of(0, 0, 0, 1, 0x62));
  });

  test('is cut into chunks as long as allowed', () => {
    expect(lengths(splitBody(Buffer.alloc(65_535)))).toEqual([65_535]);
    expect(lengths(splitBody(Buffer.alloc(65_536)))).toEqual([65_535, 1]);
    expect(lengths(splitBody(Buffer.alloc(5), 2))).toEqual([2, 2, 1]);
    expect(lengths(splitBody(Buffer.alloc(4), 2))).toEqual([2, 2]);
  });

  test('is all there, and not a copy', () => {
    const body = Buffer.from('hello');
    const replies = splitBody(body, 2);
    expect(Buffer.concat(replies.map(({ chunk }) => chunk))).toEqual(body);
    expect(replies[0]?.chunk.buffer).toBe(body.buffer);
  });

  test.each([0, -1, 1.5, Number.NaN])('cannot be cut into chunks of %p', (maxChunk) => {
    expect(() => splitBody(Buffer.from('x'), maxChunk)).toThrow(RangeError);
  });
});

describe('a header on its way out', () => {
  test.each([
    ['plain', 'plain'],
    ['', ''],
    [' leading space', ' leading space'],
    ['a\n b\n\tc', 'a\n b\n\tc'],
    ['a\r\n b\r\n\tc', 'a\n b\n\tc'],
  ])('is folded with line feeds only: %j', (value, folded) => {
    expect(foldedHeaderValue(value)).toBe(folded);
  });

  test.each([
    ['a NUL', 'a\0', 1],
    ['a bare carriage return', 'a\rb', 1],
    ['a carriage return at the end', 'ab\r', 2],
    ['another header behind it', 'a\nX: y', 1],
    ['another header behind CRLF', 'a\r\nX: y', 1],
    ['an empty line', 'a\n\n b', 1],
    ['a line break at the end', 'a\n', 1],
  ])('is refused with %s', (_, value, offset) => {
    expect(() => foldedHeaderValue(value)).toThrow(
      expect.objectContaining({
        code: 'ERR_MILTER_HEADER_VALUE',
        where: { packet: 'header', field: 'value', offset },
      }),
    );
  });

  test('has a name in printable ASCII without a colon', () => {
    for (const name of ['X', 'X-Spam_1', '!', '~', '9;']) expect(isHeaderName(name)).toBe(true);
    for (const name of ['', 'X:', 'a b', 'a\n', '\u00e9', '\x7f', 'X\0']) {
      expect(isHeaderName(name)).toBe(false);
    }
  });
});

describe('the constants', () => {
  const sum = (flags: readonly number[]) => flags.reduce((all, flag) => all + flag, 0);

  test('make up the sets of each version', () => {
    const { ADDHDRS, CHGBODY, ADDRCPT, DELRCPT, CHGHDRS, QUARANTINE } = milter.SMFIF;
    expect(sum([ADDHDRS, CHGBODY, ADDRCPT, DELRCPT])).toBe(milter.SMFI_V1_ACTS);
    expect(milter.SMFI_V1_ACTS + CHGHDRS + QUARANTINE).toBe(milter.SMFI_V2_ACTS);
    expect(sum(Object.values(milter.SMFIF))).toBe(milter.SMFI_CURR_ACTS);
    const { NOCONNECT, NOHELO, NOMAIL, NORCPT, NOBODY, NOHDRS, NOEOH } = SMFIP;
    const first = sum([NOCONNECT, NOHELO, NOMAIL, NORCPT, NOBODY, NOHDRS]);
    expect(first).toBe(milter.SMFI_V1_PROT);
    expect(first + NOEOH).toBe(milter.SMFI_V2_PROT);
    const { MDS_256K, MDS_1M, TEST, ...current } = SMFIP;
    expect(sum(Object.values(current))).toBe(milter.SMFI_CURR_PROT);
    expect((MDS_256K | MDS_1M) & milter.SMFI_INTERNAL).toBe(MDS_256K + MDS_1M);
    expect(TEST).toBe(2 ** 31);
  });

  test('are each different from the others', () => {
    for (const codes of [milter.SMFIC, milter.SMFIR, milter.SMFIF, SMFIP, milter.SMFIM]) {
      const values = Object.values(codes);
      expect(new Set<number>(values).size).toBe(values.length);
    }
  });

  test('say how long a body chunk may be', () => {
    expect(maxChunkBytes(0)).toBe(65_535);
    expect(maxChunkBytes(milter.SMFI_CURR_PROT)).toBe(65_535);
    expect(maxChunkBytes(SMFIP.MDS_256K)).toBe(262_143);
    expect(maxChunkBytes(SMFIP.MDS_1M)).toBe(1_048_575);
    expect(maxChunkBytes(SMFIP.MDS_256K | SMFIP.MDS_1M)).toBe(1_048_575);
  });

  test('have names for logs', () => {
    expect(milter.commandName(0x4b)).toBe('SMFIC_QUIT_NC');
    expect(milter.commandName(0x00)).toBe('0x00');
    expect(milter.replyName(0x2b)).toBe('SMFIR_ADDRCPT');
    expect(milter.replyName(0xff)).toBe('0xff');
  });
});
