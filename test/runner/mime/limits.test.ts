import {
  base64,
  forwarded,
  lineEnds,
  longBoundary,
  longSubject,
  nested,
  openGroups,
  slow,
  wide,
} from '../../../fixtures/messages/hostile.ts';
import type { ParseLimits } from '../../../src/runner/mime/limits.ts';
import { closeAll, fixture, halves, parse, parses } from './parse-in-thread.ts';

afterEach(closeAll);

const limited = (message: string) => ({ code: 'ERR_PARSE_LIMIT', message });

describe('a message', () => {
  test.each<[string, Buffer, RegExp]>([
    ['10000 multiparts in each other', nested(10_000), /more than limits\.parse(?:Depth|Parts) of/],
    [
      '100000 parts',
      wide(100_000),
      /has at least 1001 parts, more than limits\.parseParts of 1000$/,
    ],
    ['a header of 5 MB', longSubject(5_000_000), /headers of a part have more than 4194304 bytes/],
    ['a subject longer than texts may be', longSubject(4_194_290), /limits\.parseText of 4194304$/],
    [
      'a text of 15 MB',
      Buffer.concat([fixture('plain.eml'), Buffer.alloc(15_000_000, 'text\n')]),
      /bytes of text, more than limits\.parseText/,
    ],
    [
      'more bytes than are looked at',
      base64(20_000_000),
      /has \d+ bytes, more than limits\.parseBytes of 16777216$/,
    ],
    ['50 multiparts in each other', nested(50), /at depth 51, more than limits\.parseDepth of 50$/],
  ])('with %s exceeds a limit', async (_, message, why) => {
    await expect(parse(parses(), message)).rejects.toMatchObject(
      limited(expect.stringMatching(why) as unknown as string),
    );
  });

  test.each<[string, Buffer, object]>([
    ['with 49 multiparts in each other', nested(49), { attachments: [] }],
    [
      'with messages in messages, 100000 times',
      forwarded(100_000),
      { attachments: [{ contentType: 'message/rfc822' }] },
    ],
    ['with a boundary of 1 MB', longBoundary(1_000_000), {}],
    ['with a subject of 2 MB', longSubject(2_000_000), {}],
    ['with 11 MB of base64', base64(11_000_000), { attachments: [{ size: 11_000_031 }] }],
  ])('%s is parsed', async (_, message, found) => {
    expect(await parse(parses(), message)).toMatchObject(found);
  });

  test.each<[keyof ParseLimits, number, RegExp]>([
    ['parts', 7, /has at least 8 parts, more than limits\.parseParts of 7$/],
    ['depth', 3, /depth 4, more than limits\.parseDepth of 3$/],
    ['bytes', 1000, /bytes, more than limits\.parseBytes of 1000$/],
    ['textLength', 1000, /characters of text, more than limits\.parseText of 1000$/],
  ])('within its limit of %s is parsed, and one beyond it is not', async (limit, value, why) => {
    const found = parse(parses({ [limit]: value }), fixture('invoice.eml'));
    await expect(found).rejects.toMatchObject(limited(expect.stringMatching(why) as never));
    const larger = { parts: 8, depth: 4, bytes: 5000, textLength: 4000, timeMs: 20_000 };
    await expect(parse(parses(larger), fixture('invoice.eml'))).resolves.toBeDefined();
  });

  test('names and addresses count as text', async () => {
    const to = Buffer.from(`To: ${'a@example.org, '.repeat(1000)}\r\n\r\nhi`);
    await expect(parse(parses({ textLength: 16_000 }), to)).rejects.toMatchObject(
      limited(expect.stringContaining('limits.parseText') as never),
    );
    const name = `Content-Type: application/x; name="${'n'.repeat(900)}"`;
    const many = [`Content-Type: multipart/mixed; boundary=b`, '', ''];
    for (let at = 0; at < 20; at += 1) many.push('--b', name, '', 'x');
    await expect(
      parse(parses({ textLength: 16_000 }), Buffer.from(many.join('\r\n'))),
    ).rejects.toMatchObject(limited(expect.stringContaining('limits.parseText') as never));
  });

  test('of which nobody knows when it ends is given up, and the next one is parsed', async () => {
    const short = parses({ timeMs: 300 });
    await expect(parse(short, slow())).rejects.toMatchObject(
      limited('parse: the message takes longer to parse, more than limits.parseTime of 300 ms'),
    );
    expect(await parse(short, fixture('plain.eml'), 2)).toMatchObject({ subject: 'plain' });
  });

  test('that takes more memory than a thread has is given up, and the next one is parsed', async () => {
    const roomy = parses({ timeMs: 60_000 });
    await expect(parse(roomy, lineEnds(12_000_000))).rejects.toMatchObject({
      code: 'ERR_PARSE',
      message: 'parse: the message takes more than 96 MB of memory to parse',
    });
    expect(await parse(roomy, fixture('plain.eml'), 2)).toMatchObject({ subject: 'plain' });
  });

  test('with groups of addresses that never end takes no longer than its limit', async () => {
    const outcome = await parse(parses({ timeMs: 1000 }), openGroups(1_000_000)).catch(
      ({ code }: { code: string }) => code,
    );
    expect(['ERR_PARSE_LIMIT', 'ERR_PARSE']).toContain(outcome);
  });
});

describe('a message that takes long', () => {
  test('does not hold up the next one', async () => {
    const kept = parses({ timeMs: 20_000 });
    const hung = parse(kept, slow(), 1).catch(({ code }: { code: string }) => code);
    expect(await parse(kept, fixture('plain.eml'), 2)).toMatchObject({ subject: 'plain' });
    kept.forget(1);
    expect(await hung).toMatch(/^ERR_PARSE/);
  });

  test('is given up when its handler ends, and its thread with it', async () => {
    const kept = parses({ timeMs: 600_000 });
    const hung = [1, 2].map((event) => parse(kept, slow(), event).catch((error) => error.code));
    // Both threads are busy: this one waits until one of them is free.
    const waiting = parse(kept, fixture('plain.eml'), 3);
    kept.settle(1);
    expect(await waiting).toMatchObject({ subject: 'plain' });
    for (const event of [2, 3]) kept.forget(event);
    expect(await Promise.all(hung)).toEqual([
      expect.stringMatching(/^ERR_PARSE/),
      expect.stringMatching(/^ERR_PARSE/),
    ]);
    expect(kept.keptBytes).toBe(0);
  });

  test('is not even fetched when it is given up before its turn', async () => {
    const kept = parses({ timeMs: 600_000 });
    const hung = [1, 2].map((event) => parse(kept, slow(), event).catch(() => {}));
    const { headers, body } = halves(fixture('plain.eml'));
    const source = jest.fn(async () => body);
    const given = kept.parse(3, [headers, null], source);
    kept.forget(3);
    await expect(given).rejects.toMatchObject({ code: 'ERR_PARSE_OVER' });
    kept.forget(1);
    kept.forget(2);
    await Promise.all(hung);
    expect(source).not.toHaveBeenCalled();
  });

  test('frees its place when the worker never sends its body', async () => {
    const kept = parses();
    const never = () => new Promise<Uint8Array>(() => {});
    const lost = [1, 2].map((event) => kept.parse(event, ['', null], never).catch(() => 'lost'));
    const waiting = parse(kept, fixture('plain.eml'), 3);
    kept.forget(1);
    expect(await waiting).toMatchObject({ subject: 'plain' });
    kept.forget(2);
    expect(await Promise.all(lost)).toEqual(['lost', 'lost']);
  });
});

test('of large messages one is parsed at a time, and small ones meanwhile', async () => {
  const kept = parses({ bytes: 3_000_000, timeMs: 600_000 });
  const hung = parse(kept, slow(2_000_000), 1).catch(() => {});
  let isOver = false;
  const waiting = parse(kept, base64(1_500_000), 2).finally(() => {
    isOver = true;
  });
  // Small ones need a thread: the large one that waits has the second.
  const small = parse(kept, fixture('plain.eml'), 3);
  await parse(parses(), base64(1_500_000));
  expect(isOver).toBe(false);
  kept.forget(1);
  expect((await waiting).attachments).toHaveLength(1);
  expect(await small).toMatchObject({ subject: 'plain' });
  await hung;
});

test('while much is kept for events that have not ended, new messages wait', async () => {
  const kept = parses({ bytes: 1_500_000 });
  const large = base64(1_000_000);
  for (const event of [1, 2, 3]) await parse(kept, large, event);
  let isOver = false;
  const waiting = parse(kept, large, 4).finally(() => {
    isOver = true;
  });
  // Whoever would not wait is ready long before a message of another runner's part.
  await parse(parses(), large);
  expect(isOver).toBe(false);
  kept.forget(2);
  expect((await waiting).attachments).toHaveLength(1);
});
