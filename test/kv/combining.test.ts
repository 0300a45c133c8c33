import { Combining, type Held, type Swapped, type Swaps } from '../../src/kv/combining.ts';
import { type Entry, NEVER, type Step } from '../../src/kv/entry.ts';
import { KvError } from '../../src/kv/errors.ts';

type Number_ = Held<number>;

/** A server of one entry: `after` is done to each request before it is answered. */
class FakeServer implements Swaps<number> {
  state: Number_ = { entry: undefined, version: 0 };
  readonly requests: string[] = [];
  beforeSwap: () => void = () => {};
  beforeLoad: () => void | Promise<void> = () => {};

  async load(): Promise<Number_> {
    this.requests.push('load');
    const { state } = this;
    await this.beforeLoad();
    return state;
  }

  async swap(_: string, held: Number_, entry: Entry | undefined): Promise<Swapped<number>> {
    this.requests.push('swap');
    await null;
    this.beforeSwap();
    if (entry && entry.value.length > 10) throw new KvError('ERR_KV_VALUE', 'too large');
    if (held.version !== this.state.version) return { done: false, now: this.state };
    this.write(entry?.value.toString() ?? '');
    return { done: true, now: this.state };
  }

  write(text: string): void {
    const entry = { expiryMs: NEVER, value: Buffer.from(text) };
    this.state = { entry, version: this.state.version + 1 };
  }

  get text(): string {
    return this.state.entry?.value.toString() ?? '';
  }
}

/** Adds a letter, and answers with the text then. */
const append =
  (letter: string) =>
  (entry: Entry | undefined): Step<string> => {
    const text = `${entry?.value ?? ''}${letter}`;
    return { answer: text, entry: { expiryMs: NEVER, value: Buffer.from(text) } };
  };

const look = (entry: Entry | undefined): Step<string> => ({ answer: `${entry?.value ?? ''}` });

function combined() {
  const server = new FakeServer();
  const combining = new Combining('a server', server);
  return { server, change: combining.change.bind(combining, 'key'), combining };
}

test('changes that wait at the same time share one read and two writes', async () => {
  const { server, change } = combined();
  const answers = await Promise.all(['a', 'b', 'c', 'd'].map((letter) => change(append(letter))));
  expect(answers).toEqual(['a', 'ab', 'abc', 'abcd']);
  expect(server.requests).toEqual(['load', 'swap', 'swap']);
});

test('what others wrote in between is what the changes run on again', async () => {
  const { server, change } = combined();
  server.beforeSwap = () => {
    server.beforeSwap = () => {};
    server.write('x');
  };
  expect(await Promise.all([change(append('a')), change(append('b'))])).toEqual(['xa', 'xab']);
  expect(server.text).toBe('xab');
});

test('nobody is told anything before the write succeeded', async () => {
  const { server, change } = combined();
  let told = 0;
  let toldBeforeTheLast = -1;
  let conflicts = 0;
  server.beforeSwap = () => {
    toldBeforeTheLast = told;
    if (conflicts++ < 4) server.write('x');
  };
  await Promise.all(
    [append('a'), append('b'), look].map((each) => change(each).then(() => void told++)),
  );
  expect(conflicts).toBeGreaterThan(4);
  // The first one was alone; the other two came before its write.
  expect(toldBeforeTheLast).toBe(0);
  expect(told).toBe(3);
});

test('a change that throws concerns only its caller', async () => {
  const { server, change } = combined();
  const refusal = new KvError('ERR_KV_TYPE', 'no');
  const results = await Promise.allSettled([
    change(append('a')),
    change(append('b')),
    change(() => {
      throw refusal;
    }),
    change(append('c')),
  ]);
  expect(results.map((each) => (each.status === 'fulfilled' ? each.value : each.reason))).toEqual([
    'a',
    'ab',
    refusal,
    'abc',
  ]);
  expect(server.text).toBe('abc');
});

test('a value that the server refuses is the error of the one who wrote it', async () => {
  const { server, change } = combined();
  const results = await Promise.allSettled([
    change(append('a')),
    change(append('b')),
    change(append('too large a text')),
    change(append('c')),
  ]);
  expect(results.map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
  ]);
  expect(server.text).toBe('abc');
});

test('a server that fails is the error of all who wait, and the next ones try again', async () => {
  const { server, change } = combined();
  const fault = new KvError('ERR_KV_UNAVAILABLE', 'gone');
  server.beforeSwap = () => {
    server.beforeSwap = () => {};
    throw fault;
  };
  const results = await Promise.allSettled([change(append('a')), change(append('b'))]);
  expect(results).toEqual([
    { status: 'rejected', reason: fault },
    { status: 'rejected', reason: fault },
  ]);
  expect(await change(append('c'))).toBe('c');
});

test('a change that comes after the read was sent does not answer from that read', async () => {
  const { server, change, combining } = combined();
  let late: Promise<string> | undefined;
  server.beforeLoad = () => {
    server.beforeLoad = () => {};
    server.write('new');
    late = combining.change('key', look);
  };
  expect(await change(look)).toBe('');
  expect(await late).toBe('new');
});

test('a change that others always beat ends with an error that says so', async () => {
  const { server, change, combining } = combined();
  server.beforeSwap = () => server.write('x');
  const begin = performance.now();
  await expect(change(append('a'))).rejects.toMatchObject({
    code: 'ERR_KV_UNAVAILABLE',
    message: expect.stringMatching(/^key: the key is too busy for a server: .* was not made; /),
  });
  expect(performance.now() - begin).toBeLessThan(4000);
  expect(server.text).toBe('x');
  await combining.idle();
});
