import { describeWith } from '../harness/requirements.ts';
import { Site } from './site.ts';

/** Adds a header at the end and says what it saw: the message as bytes, one number. */
const READS = `import { log } from 'postern';
  export async function eom(session, message) {
    const raw = await message.raw();
    const sum = raw.reduce((total, byte) => (total * 31 + byte) | 0, 0);
    log.info('read', { sum, bytes: raw.length, size: message.size });
    message.headers.add('X-Added', 'by a filter');
  }`;

/** Changes headers around all others, which have to stay as they are. */
const CHANGES = `export function eom(session, message) {
    const { headers } = message;
    headers.insert(0, 'X-Top', 'top');
    headers.change('X-Change', 'changed');
    headers.delete('X-Delete');
    headers.insertAfter('X-Change', 'X-After', 'after');
  }`;

/** Writes headers that are longer than any MTA takes, with others around them. */
const EXAGGERATES = `export function eom(session, { headers }) {
    headers.add('X-Long', 'x'.repeat(500_000));
    headers.change('X-Change', 'y'.repeat(500_000));
    headers.insert(0, 'X-Folded', 'word\\n '.repeat(50_000) + 'end');
    headers.add('X-End', 'end');
  }`;

const bytes = (text: string) => Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1');

/** Messages that filters and MTAs have stumbled over. Latin1, one character a byte. */
const MESSAGES: Readonly<Record<string, Buffer>> = {
  'an ordinary message': bytes('From: a@example.org\nSubject: x\n\nHello.\n'),
  'bytes outside ASCII in headers and body': bytes(
    'Subject: gr\xfc\xdfe\nX-Utf8: gr\xc3\xbc\xc3\x9fe\nX-Broken: \xc3(\xff\xfe\n\n\xe9\xff\x80\x81\n\xc3\xbc\n',
  ),
  'NUL in the body': bytes('Subject: x\n\na\0b\n\0\n'),
  'spaces and tabs around values': bytes(
    'X-None:a\nX-Tab:\tb\nX-Two:  c\nX-Trail: d  \nx-lower: e\nX-UPPER: f\n\nx\n',
  ),
  'empty headers': bytes('X-Empty:\nX-Space: \nX-Spaces:   \nX-Empty:\n\nx\n'),
  'folded headers': bytes(
    'X-Fold: one\n two\n\tthree\n  four\nX-First:\n one\nX-Blank: one\n \n two\nX-End: one\n \n\nx\n',
  ),
  'many headers of one name': bytes(
    `${Array.from({ length: 1500 }, (_, index) => `X-Many: ${index}\n`).join('')}\nx\n`,
  ),
  'a header line of 59 KB': bytes(`X-Long: ${'a'.repeat(59_000)}\nSubject: x\n\nx\n`),
  'a folded header of 59 KB': bytes(`X-Long: ${'word\n '.repeat(9_800)}end\nSubject: x\n\nx\n`),
  'a body line of 200 KB': bytes(`Subject: x\n\n${'y'.repeat(200_000)}\n`),
  'lines of dots': bytes('Subject: x\n\n.\n..\n.a\n\n'),
  'parts with headers of their own': bytes(
    'Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\nX-Part: y\n\npart\n--b--\n',
  ),
  'no headers': bytes('\nOnly a body.\n'),
  'no headers and no empty line': bytes('Only a body.\nX-None: of it\n'),
  'no body': bytes('Subject: x\n\n'),
  'no body and no empty line': bytes('Subject: x\nX-Last: y\n'),
  'nothing at all': bytes(''),
};

describeWith(['postfix'], 'content', () => {
  let site: Site<
    'reads' | 'changes' | 'exaggerates',
    'plain' | 'reads' | 'changes' | 'exaggerates'
  >;

  beforeAll(async () => {
    site = await Site.start({
      filters: { reads: READS, changes: CHANGES, exaggerates: EXAGGERATES },
      postfix: ({ reads, changes, exaggerates }) => ({
        services: {
          plain: {},
          reads: { milters: reads },
          changes: { milters: changes },
          exaggerates: { milters: exaggerates },
        },
      }),
    });
  });
  afterAll(() => site?.stop());

  /** What arrives, as latin1, without Postfix's own Received. */
  async function arrived(service: 'plain' | 'reads' | 'changes', message: Buffer): Promise<string> {
    const { end } = await site.send(service, { message });
    expect(end?.text).toMatch(/^250 /);
    const { data } = await site.receiver.next();
    return data.toString('latin1').replace(/^Received:.*\r\n(?:[ \t].*\r\n)*/m, '');
  }

  /** Comparing without printing kilobytes of difference. */
  function expectSame(got: string, expected: string): void {
    if (got === expected) return;
    let at = 0;
    while (got[at] === expected[at]) at += 1;
    const around = (text: string) => text.slice(Math.max(0, at - 40), at + 40);
    expect({ at, length: got.length, text: around(got) }).toEqual({
      at,
      length: expected.length,
      text: around(expected),
    });
  }

  test.each(Object.keys(MESSAGES))(
    'with %s is read as it came and arrives as it was',
    async (name) => {
      const message = MESSAGES[name]!;
      const plain = await arrived('plain', message);
      const after = site.postern.logLength;
      const filtered = await arrived('reads', message);
      const { header, rest } = split(plain);
      expectSame(filtered, `${header}X-Added: by a filter\r\n${rest}`);

      // On the wire of the protocol a message without an empty line has one too.
      const whole = Buffer.from(rest === '' ? `${plain}\r\n` : plain, 'latin1');
      const seen = await site.postern.logged('read', after);
      expect(seen).toMatchObject({
        bytes: whole.length,
        size: whole.length,
        sum: whole.reduce((total, byte) => (total * 31 + byte) | 0, 0),
      });
    },
  );

  test.each(Object.keys(MESSAGES))(
    'with %s stays as it was beside headers that change',
    async (name) => {
      const message = Buffer.concat([
        bytes('X-Before: 1\nX-Delete: 2\nX-Change: 3\nX-Delete: 4\n'),
        MESSAGES[name]!,
      ]);
      const plain = await arrived('plain', message);
      const expected = plain
        .replaceAll(/^X-Delete: .*\r\n/gm, '')
        .replace('X-Change: 3', 'X-Change: changed\r\nX-After: after');
      expectSame(await arrived('changes', message), `X-Top: top\r\n${expected}`);
    },
  );

  test('has headers over 60 KB cut by Postfix, with a filter as without', async () => {
    const message = bytes(`X-Long: ${'a'.repeat(70_000)}\nSubject: x\n\nx\n`);
    const plain = await arrived('plain', message);
    expect(plain.length).toBeLessThan(61_000);
    expectSame(
      await arrived('reads', message),
      plain.replace('\r\n\r\n', '\r\nX-Added: by a filter\r\n\r\n'),
    );
  });

  test('has headers of filters over 60 KB cut by Postfix, and those around them stay', async () => {
    const { end } = await site.send('exaggerates', {
      message: bytes('X-Change: 1\nX-Old: 2\n\nx\n'),
    });
    expect(end?.text).toMatch(/^250 /);
    const headers = (await site.receiver.next()).headers();
    expect(headers.map(({ name }) => name)).toEqual([
      'X-Folded',
      'Received',
      'X-Change',
      'X-Old',
      'X-Long',
      'X-End',
    ]);
    const lengths = headers.map(
      ({ name, value }) => name.length + value.replaceAll('\r', '').length,
    );
    for (const index of [0, 2, 4]) {
      expect(lengths[index]).toBeGreaterThan(59_900);
      expect(lengths[index]).toBeLessThan(60_001);
    }
    expect(headers.at(-1)?.value).toBe('end');
  });
});

/** Header lines with their line ends, and the rest with its empty line. */
function split(message: string): { readonly header: string; readonly rest: string } {
  if (message.startsWith('\r\n')) return { header: '', rest: message };
  const end = message.indexOf('\r\n\r\n');
  if (end < 0) return { header: message, rest: '' };
  return { header: message.slice(0, end + 2), rest: message.slice(end + 2) };
}
