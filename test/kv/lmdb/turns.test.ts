import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { inTurn } from '../../../src/kv/lmdb/turns.ts';

const TURNS = join(__dirname, '../../../src/kv/lmdb/turns.ts');
const name = `test ${process.pid}`;

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('what is done in turn is never done at the same moment', async () => {
  let now = 0;
  let most = 0;
  const results = await Promise.all(
    Array.from({ length: 10 }, (_, n) =>
      inTurn(name, async () => {
        most = Math.max(most, ++now);
        await setTimeout(2);
        now--;
        return n;
      }),
    ),
  );
  expect(most).toBe(1);
  expect(results).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

onLinux('a turn of another name does not wait', async () => {
  await inTurn(name, () => inTurn(`${name} too`, () => undefined));
});

test('a turn ends when its task fails', async () => {
  await expect(inTurn(name, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await inTurn(name, () => 'next')).toBe('next');
});

onLinux('a turn ends with the process that has it, however that ends', async () => {
  const script = `import(${JSON.stringify(TURNS)}).then(({ inTurn }) =>
    inTurn(${JSON.stringify(name)}, () => {
      console.log('mine');
      return new Promise((resolve) => setTimeout(resolve, 60_000));
    }))`;
  const other = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(other.stdout, 'data');
  let mine = false;
  const waiting = inTurn(name, () => {
    mine = true;
  });
  await setTimeout(50);
  expect(mine).toBe(false);
  other.kill('SIGKILL');
  await waiting;
  expect(mine).toBe(true);
});
