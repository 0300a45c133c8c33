import { Background } from '../../src/auth/background.ts';

test('the end waits for what is under way, and then gives up nothing', async () => {
  const background = new Background();
  let finish = (_: string) => {};
  const work = background.add(
    new Promise<string>((resolve) => {
      finish = resolve;
    }),
  );
  expect(background.size).toBe(1);
  const ended = background.end(60_000);
  expect(background.signal.aborted).toBe(false);
  finish('done');
  expect(await work).toBe('done');
  await ended;
  expect(background.size).toBe(0);
});

test('what takes longer than the end may is given up', async () => {
  const background = new Background();
  background.add(
    new Promise<void>((resolve) => background.signal.addEventListener('abort', () => resolve())),
  );
  await background.end(10);
  expect(background.signal.aborted).toBe(true);
  await new Promise(setImmediate);
  expect(background.size).toBe(0);
});
