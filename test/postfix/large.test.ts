import { describeWith } from '../harness/requirements.ts';
import { peakMemoryBytes } from './process-facts.ts';
import { Site } from './site.ts';

const MB = 1e6;

/** The size that the Postfix of a large site is set to, more or less. */
const BODY_BYTES = 50 * MB;

/** Every 997th byte tells whether nothing was lost, doubled or moved, in little CPU time. */
const STEP = 997;
const SAMPLE = `
  const STEP = ${STEP};
  function sample(sum, bytes, at) {
    for (let index = (STEP - (at % STEP)) % STEP; index < bytes.length; index += STEP) sum = (sum * 31 + bytes[index]) | 0;
    return sum;
  }`;

const WHOLE = `${SAMPLE}
  export async function eom(session, message) {
    const body = await message.body();
    message.headers.add('X-Sample', sample(0, body, 0) + ' of ' + body.length);
  }`;

const CHUNKS = `${SAMPLE}
  export function body(session, chunk) {
    const { state } = session.message;
    state.sum = sample(state.sum ?? 0, chunk, state.length ?? 0);
    state.length = (state.length ?? 0) + chunk.length;
    state.chunks = (state.chunks ?? 0) + 1;
  }
  export function eom(session, message) {
    const { sum, length, chunks } = message.state;
    message.headers.add('X-Sample', sum + ' of ' + length);
    message.headers.add('X-Chunks', String(chunks));
  }`;

/** Puts a new line before the body: all of it goes there and back. */
const PREFIXES = `export const options = { cpu: '1s', memory: '400MB' };
  export async function eom(session, message) {
    const body = await message.body();
    const longer = new Uint8Array(body.length + 4);
    longer.set([0x3e, 0xe9, 13, 10]);
    longer.set(body, 4);
    message.replaceBody(longer);
  }`;

/** Lines that are all different, with bytes outside ASCII, and one of them a dot. */
function largeBody(bytes: number): Buffer {
  const lines: string[] = ['.'];
  for (let length = 0, count = 0; length < bytes; count += 1) {
    const line = `${count} `.padEnd(76, 'abc\xe9\xff');
    lines.push(line);
    length += line.length + 2;
  }
  return Buffer.from(lines.map((line) => `${line}\r\n`).join(''), 'latin1');
}

function sampleOf(body: Buffer): string {
  let sum = 0;
  for (let index = 0; index < body.length; index += STEP) sum = (sum * 31 + body[index]!) | 0;
  return `${sum} of ${body.length}`;
}

describeWith(['postfix'], 'a message of 50 MB', () => {
  let site: Site<'whole' | 'chunks' | 'prefixes', 'whole' | 'chunks' | 'prefixes'>;
  let body: Buffer;
  let pids: readonly number[];

  beforeAll(async () => {
    body = largeBody(BODY_BYTES);
    site = await Site.start({
      filters: { whole: WHOLE, chunks: CHUNKS, prefixes: PREFIXES },
      limits: { runnerMemory: '1GB' },
      postfix: ({ whole, chunks, prefixes }) => ({
        settings: { message_size_limit: String(2 * BODY_BYTES) },
        services: {
          whole: { milters: whole },
          chunks: { milters: chunks },
          prefixes: { milters: prefixes },
        },
      }),
    });
    pids = processes();
  }, 60_000);
  afterAll(() => site?.stop());

  const processes = () => [
    ...site.postern.pids('postern worker'),
    ...site.postern.pids('postern runner 1.1'),
  ];

  async function passes(filter: 'whole' | 'chunks' | 'prefixes') {
    const { end } = await site.send(filter, {
      message: Buffer.concat([Buffer.from('Subject: large\r\n\r\n'), body]),
      timeoutMs: 60_000,
    });
    expect(end?.text).toMatch(/^250 /);
    const message = await site.receiver.next(60_000);
    expect(processes()).toEqual(pids);
    return message;
  }

  function contentOf({ data }: { readonly data: Buffer }): Buffer {
    return data.subarray(data.indexOf('\r\n\r\n') + 4);
  }

  test('passes a filter that asks for the whole body', async () => {
    const message = await passes('whole');
    expect(message.header('X-Sample')).toBe(sampleOf(body));
    expect(contentOf(message).equals(body)).toBe(true);
  }, 60_000);

  test('passes a filter that handles each chunk of it', async () => {
    const message = await passes('chunks');
    expect(message.header('X-Sample')).toBe(sampleOf(body));
    expect(Number(message.header('X-Chunks'))).toBeGreaterThan(700);
    expect(contentOf(message).equals(body)).toBe(true);
  }, 60_000);

  test('takes of each process a few times its size, not more', () => {
    for (const pid of processes()) {
      expect(peakMemoryBytes(pid)).toBeGreaterThan(BODY_BYTES);
      expect(peakMemoryBytes(pid)).toBeLessThan(100 * MB + 8 * BODY_BYTES);
    }
  });

  test('can be replaced by a longer one', async () => {
    const message = await passes('prefixes');
    const longer = Buffer.concat([Buffer.from('>\xe9\r\n', 'latin1'), body]);
    expect(contentOf(message).equals(longer)).toBe(true);
  }, 60_000);
});
