import fc from 'fast-check';
import {
  AttributeParser,
  PolicyRequestError,
  type RequestLimits,
} from '../../../src/auth/postfix/attribute-parser.ts';

const LIMITS: RequestLimits = { lineBytes: 40, attributes: 4, requestBytes: 100 };

/** What a request is made of, as Postfix sends it. */
const KIND = 'request=smtpd_access_policy\n';

function parse(text: string | Buffer, limits?: RequestLimits) {
  const parser = new AttributeParser(limits);
  parser.push(Buffer.from(text));
  return parser.next();
}

function errorOf(text: string | Buffer, limits?: RequestLimits): PolicyRequestError {
  try {
    parse(text, limits);
  } catch (error) {
    if (error instanceof PolicyRequestError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

test('a request is all lines up to the empty one', () => {
  expect([...parse(`${KIND}sender=a=b@example.org\nrecipient=\n\nrequest=`)!]).toEqual([
    ['request', 'smtpd_access_policy'],
    ['sender', 'a=b@example.org'],
    ['recipient', ''],
  ]);
});

test('several requests of one chunk come one after the other', () => {
  const parser = new AttributeParser();
  parser.push(Buffer.from(`${KIND}n=1\n\n${KIND}n=2\n\n${KIND}`));
  expect(parser.next()?.get('n')).toBe('1');
  expect(parser.next()?.get('n')).toBe('2');
  expect(parser.next()).toBeUndefined();
  expect(parser.isBetweenRequests).toBe(false);
  parser.push(Buffer.from('n=3\n\n'));
  expect(parser.next()?.get('n')).toBe('3');
  expect(parser.isBetweenRequests).toBe(true);
  expect(parser.pendingBytes).toBe(0);
});

test('values are UTF-8 where they are valid, else Latin-1', () => {
  const latin1 = Buffer.from(`${KIND}a=M\u00fcller\n`, 'latin1');
  const utf8 = Buffer.from('b=M\u00fcller\n\n');
  const attributes = parse(Buffer.concat([latin1, utf8]))!;
  expect(attributes.get('a')).toBe('Müller');
  expect(attributes.get('b')).toBe('Müller');
});

test('lines may end with CR LF, as from a terminal', () => {
  expect(parse('request=smtpd_access_policy\r\nhelo_name=x\r\n\r\n')?.get('helo_name')).toBe('x');
});

test('of a name that comes twice the first value counts', () => {
  expect(parse(`${KIND}sasl_username=ann\nsasl_username=bob\n\n`)?.get('sasl_username')).toBe(
    'ann',
  );
});

test('a name of JavaScript is a name as any other', () => {
  expect(parse(`${KIND}__proto__=x\nconstructor=y\n\n`)?.get('__proto__')).toBe('x');
});

test.each([
  ['a line without =', `${KIND}Authorization: Basic c2VjcmV0\n\n`, 2, "found no '='"],
  ['a line without a name', `${KIND}=secret\n\n`, 2, 'a name before'],
  ['a NUL', `${KIND}helo_name=secret\0\n\n`, 2, 'NUL'],
  ['nothing at all', '\n', 1, 'without request=smtpd_access_policy'],
  ['another kind of request', 'request=secret\n\n', 2, 'without request=smtpd_access_policy'],
  ['a late kind of request', 'n=secret\n\n', 2, 'without request=smtpd_access_policy'],
])('%s is an error that shows where, and not what', (_, text, line, problem) => {
  const error = errorOf(text);
  expect(error).toMatchObject({ code: 'ERR_POLICY_REQUEST', line });
  expect(error.message).toContain(problem);
  expect(error.message).not.toMatch(/secret|c2VjcmV0/);
});

test('every limit holds at its edge, also for what has no end yet', () => {
  const line = (bytes: number) => `a=${'x'.repeat(bytes - 2)}`;
  expect(parse(`${KIND}${line(40)}\n\n`, LIMITS)?.get('a')).toHaveLength(38);
  expect(errorOf(`${KIND}${line(41)}`, LIMITS).message).toContain('longer than 40 bytes');
  expect(parse(line(40), LIMITS)).toBeUndefined();

  expect(parse(`${KIND}a=1\nb=2\nc=3\n\n`, LIMITS)?.size).toBe(4);
  expect(errorOf(`${KIND}a=1\nb=2\nc=3\nd=4\n`, LIMITS).message).toContain('4 attributes');

  // 28 bytes of KIND, 41 and 30 of lines, and the empty one.
  expect(parse(`${KIND}${line(40)}\nb${line(29)}\n\n`, LIMITS)).toBeDefined();
  expect(errorOf(`${KIND}${line(40)}\nb${line(31)}`, LIMITS).message).toContain('100 bytes');
});

test('a name that is repeated for ever meets the limit of the request', () => {
  expect(errorOf(`${KIND}${'a=1\n'.repeat(30)}`, LIMITS).message).toContain('100 bytes');
});

test('the limits are those of one request', () => {
  const parser = new AttributeParser(LIMITS);
  for (let n = 0; n < 20; n += 1) {
    parser.push(Buffer.from(`${KIND}a=1\nb=2\nc=3\n\n`));
    expect(parser.next()?.size).toBe(4);
  }
});

/** Bytes with everything that means something, and much that means nothing. */
const value = fc
  .array(fc.oneof(fc.constantFrom(0x3d, 0x0d, 0x20, 0xc3, 0xbc), fc.integer({ min: 1, max: 255 })))
  .map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 0x0a)))
  .filter((bytes) => bytes.at(-1) !== 0x0d);
const name = fc.stringMatching(/^[a-z_]{1,12}$/).filter((text) => text !== 'request');
const request = fc.uniqueArray(fc.tuple(name, value), { selector: ([text]) => text, maxLength: 8 });

function encode(requests: readonly (readonly (readonly [string, Buffer])[])[]): Buffer {
  const parts = requests.flatMap((attributes) => [
    Buffer.from(KIND),
    ...attributes.flatMap(([key, bytes]) => [Buffer.from(`${key}=`), bytes, Buffer.from('\n')]),
    Buffer.from('\n'),
  ]);
  return Buffer.concat(parts);
}

function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length));
}

/** Slow and obvious. */
function twin(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : bytes.toString('latin1');
}

test('wherever the bytes are cut, the same requests come out', () => {
  fc.assert(
    fc.property(fc.array(request, { maxLength: 4 }), fc.array(fc.nat()), (requests, cuts) => {
      const parser = new AttributeParser();
      const came: (readonly [string, string])[][] = [];
      for (const piece of pieces(encode(requests), cuts)) {
        parser.push(piece);
        for (let next = parser.next(); next; next = parser.next()) came.push([...next]);
      }
      expect(came).toEqual(
        requests.map((attributes) => [
          ['request', 'smtpd_access_policy'],
          ...attributes.map(([key, bytes]) => [key, twin(bytes)]),
        ]),
      );
      expect(parser.isBetweenRequests).toBe(true);
    }),
  );
});

test('whatever comes, nothing but its own error is thrown, and no more is kept than the limits say', () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .array(fc.constantFrom(KIND, 'a=1', 'b=', '=', '\n', '\r', '\0', 'x'))
      .map((all) => all.join('')),
  );
  fc.assert(
    fc.property(fc.array(noise), (chunks) => {
      const parser = new AttributeParser(LIMITS);
      try {
        for (const chunk of chunks) {
          parser.push(Buffer.from(chunk as string));
          while (parser.next());
          expect(parser.pendingBytes).toBeLessThanOrEqual(LIMITS.lineBytes);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(PolicyRequestError);
      }
    }),
    { numRuns: 500 },
  );
});
