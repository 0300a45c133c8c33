import { performHash } from '../../src/capabilities/hash.ts';

describe('hash', () => {
  // RFC 6234, RFC 3174 and RFC 1321 give the digests of "abc".
  test.each([
    ['sha256', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    ['sha1', 'a9993e364706816aba3e25717850c26c9cd0d89d'],
    ['md5', '900150983cd24fb0d6963f7d28e17f72'],
  ])('knows %s', async (name, digest) => {
    expect(await performHash(name, ['abc'])).toBe(digest);
    expect(await performHash(name, [{ bytes: 'abc' }])).toBe(digest);
  });

  test('takes texts as UTF-8 and bytes as they are', async () => {
    const asText = await performHash('md5', ['ü']);
    expect(await performHash('md5', [{ bytes: '\xc3\xbc' }])).toBe(asText);
    expect(await performHash('md5', [{ bytes: '\xfc' }])).not.toBe(asText);
  });

  test('hashes what is empty, and what is large, without keeping others waiting', async () => {
    expect(await performHash('md5', [''])).toBe('d41d8cd98f00b204e9800998ecf8427e');
    let turns = 0;
    const turn = () => {
      turns += 1;
      timer = setImmediate(turn);
    };
    let timer = setImmediate(turn);
    // sha256sum of ten million letters a.
    expect(await performHash('sha256', ['a'.repeat(10_000_000)])).toBe(
      '01f4a87c04b40af59aadc0e812293509709c9a8763a60b7f9e19303322f8b03c',
    );
    clearImmediate(timer);
    expect(turns).toBeGreaterThanOrEqual(2);
  });

  test.each([
    ['sha256', []],
    ['sha256', [7]],
    ['sha256', [{ bytes: 7 }]],
    ['sha256', ['a', 'b']],
    ['sha256', [{ bytes: 'a', more: 1 }]],
  ])('%s refuses %j', async (name, args) => {
    await expect(performHash(name, args)).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
      message: 'hash.sha256: expected a text or bytes',
    });
  });

  test('has no other', async () => {
    await expect(performHash('toString', ['a'])).rejects.toMatchObject({
      code: 'ERR_UNKNOWN_CAPABILITY',
    });
  });
});
