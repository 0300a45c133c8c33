/** A filter that skips hears no more of the body of that message; the others do. */

import { EngineUnderTest } from './engine-under-test.ts';

let under: EngineUnderTest | undefined;

afterEach(async () => {
  await under?.stop();
  under = undefined;
});

const SKIPS = `import { log, skip } from 'postern';
  export function body(session, chunk) { log.info('skips ' + chunk.length); return skip(); }`;
const READS = `import { log } from 'postern';
  export function body(session, chunk) { log.info('reads ' + chunk.length); }`;

const chunk = (length: number) => ({ phase: 'body', chunks: [Buffer.alloc(length)] }) as const;

async function start(sources: Readonly<Record<string, string>>) {
  under = await EngineUnderTest.start(
    Object.entries(sources).map(([name, source]) => ({ name, source })),
  );
  const session = under.open();
  const begin = () => session.learn({ f: 'mail', address: '<a@example.org>', args: [] });
  begin();
  return { session, begin };
}

test('chunks that come after its answer, or were on their way, are not shown', async () => {
  const { session, begin } = await start({ skips: SKIPS });
  const both = await Promise.all([session.call(chunk(1)), session.call(chunk(2))]);
  expect(both.map(({ verdict }) => verdict.kind)).toEqual(['skip', 'continue']);
  expect(session.handles('body')).toBe(false);
  session.endMessage();
  begin();
  await session.call(chunk(3));
  await session.call(chunk(4));
  expect(under!.said).toEqual(['skips 1', 'skips 3']);
});

test('the MTA is not told to skip while another filter reads', async () => {
  const { session } = await start({ skips: SKIPS, reads: READS });
  const verdicts = [await session.call(chunk(1)), await session.call(chunk(2))];
  expect(verdicts.map(({ verdict }) => verdict.kind)).toEqual(['continue', 'continue']);
  expect(under!.said).toEqual(['skips 1', 'reads 1', 'reads 2']);
});

test('nor while another filter may ask for the body at the end', async () => {
  const { session } = await start({ skips: SKIPS, ends: 'export function eom() {}' });
  expect((await session.call(chunk(1))).verdict.kind).toBe('continue');
});

test('a filter that needs none of the body does not hold it up', async () => {
  const { session } = await start({
    skips: SKIPS,
    ends: `export const options = { body: 'none' }; export function eom() {}`,
  });
  expect((await session.call(chunk(1))).verdict.kind).toBe('skip');
});
