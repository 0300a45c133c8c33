import type { z } from 'zod';
import { type ConfigInput, defineConfig } from '../../src/config/define.ts';
import { configSchema } from '../../src/config/schema.ts';

test('every key that the types offer is a key that the schema knows, and the reverse', () => {
  const all: { [Key in keyof Required<ConfigInput>]: true } = {
    milter: true,
    filters: true,
    kv: true,
    auth: true,
    dns: true,
    workers: true,
    limits: true,
  };
  const later = ['status'];
  expect(
    Object.keys(configSchema.shape)
      .filter((key) => !later.includes(key))
      .sort(),
  ).toEqual(Object.keys(all).sort());
});

test('what the types allow, the schema accepts', () => {
  const config = defineConfig({
    milter: {
      listen: [
        'inet:127.0.0.1:1',
        { listen: 'unix:/x', mode: '0660', owner: 1, group: 'mail', filters: ['a'] },
      ],
    },
    filters: [
      'a.ts',
      {
        path: 'b.ts',
        settings: { a: [1, 'x', { b: null }] },
        cpu: 20,
        memory: '9MB',
        body: 'none',
      },
    ],
    kv: { default: 'memory:' },
    workers: 'auto',
    limits: { idle: '3h', packet: '70KB', runners: 4 },
  });
  const parsed: z.ZodSafeParseResult<unknown> = configSchema.safeParse(config);
  expect(parsed.error?.issues).toBeUndefined();
});

test('a key that does not exist is an error of the types', () => {
  // @ts-expect-error: misspelt
  defineConfig({ fliters: [] });
  // @ts-expect-error: no such mode
  defineConfig({ filters: [{ path: 'a.ts', mode: 'watch' }] });
});
