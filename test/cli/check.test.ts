import { folderWith, postern } from './postern.ts';

const FINE = `import { type Session, reject } from 'postern';
export const options = { onError: 'accept' };
export function helo(session: Session) { if (session.helo === 'bad') return reject(); }
`;

describe('postern check', () => {
  test('is content with filters that are right', async () => {
    const folder = await folderWith({
      'filters/fine.ts': FINE,
      'untyped.js': 'export function eom(session, message) {}',
    });
    const result = await postern(
      folder.path,
      'check',
      '--filter',
      'filters/fine.ts',
      '--filter',
      'untyped.js',
    );
    expect(result).toMatchObject({
      code: 0,
      said: [],
      stdout: expect.stringContaining('fine, untyped'),
    });
    await folder.remove();
  });

  test.each([
    ['syntax', `export function eom( {\n`, /^filter\.ts:2:1: /],
    [
      'a name that postern does not export',
      `import { nothing } from 'postern';\nexport function eom() { nothing(); }`,
      /^filter\.ts:1:10: .*nothing/,
    ],
    [
      'a module of Node',
      `import fs from 'node:fs';\nexport function eom() { fs.readFileSync('x'); }`,
      /^filter\.ts:1:16: filters have no access to "node:fs"/,
    ],
    [
      'a file that is not there',
      `import { x } from './none.ts';\nexport function eom() { x(); }`,
      /^filter\.ts:1:19: .*none\.ts/,
    ],
    [
      'an export that is no phase',
      `export function eom() {}\nexport function ehlo() {}`,
      /^filter\.ts:2:17: export "ehlo" is no phase .*did you mean 'helo'/,
    ],
    [
      'an option that is unknown',
      `export const options = { onEror: 'accept' };\nexport function eom() {}`,
      /^filter\.ts:1:14: options\.onEror: .*did you mean 'onError'/,
    ],
    [
      'an option out of range',
      `export function eom() {}\nexport const options = { cpu: 'long' };`,
      /^filter\.ts:2:14: options\.cpu: .*duration/,
    ],
    [
      'a type',
      `import type { Session } from 'postern';\nexport function eom(session: Session) {\n  return session.auth.user && undefined;\n}`,
      /^filter\.ts:3:10: 'session\.auth' is possibly 'undefined'/m,
    ],
    [
      'a handler that returns a text',
      `export function eom() { return 'reject'; }`,
      /^filter\.ts:1:17: eom: Type '\(\) => string' does not satisfy/,
    ],
    [
      'what happens when it loads',
      `export function eom() {}\nthrow new Error('at load');`,
      /^filter\.ts:2:7: Error: at load/,
    ],
    [
      'its init',
      `export function init() {\n  throw new Error('not today');\n}`,
      /^filter\.ts:2:9: init failed: Error: not today/,
    ],
  ])('names what is wrong: %s', async (_, source, expected) => {
    const folder = await folderWith({ 'filter.ts': source });
    const { code, said, stdout } = await postern(folder.path, 'check', '--filter', 'filter.ts');
    expect(said.join('\n')).toMatch(expected);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    await folder.remove();
  });

  test('names every mistake of a configuration with its key', async () => {
    const folder = await folderWith({
      'fine.ts': FINE,
      'postern.config.ts': `import { defineConfig } from 'postern';
export default defineConfig({
  milter: { listen: ['inet:127.0.0.1:0', 'inet:127.0.0.1:99999'] },
  filters: ['fine.ts', 'none.ts'],
  limits: { idle: 'long' },
} as never);`,
    });
    const { code, said } = await postern(folder.path, 'check');
    expect(code).toBe(2);
    expect(said.join('\n')).toMatch(/limits\.idle: .*duration/);
    expect(said.every((line) => line.startsWith('postern.config.ts: '))).toBe(true);
    await folder.remove();
  });

  test('names a listener that wants a filter which is not there', async () => {
    const folder = await folderWith({
      'fine.ts': FINE,
      'postern.config.ts': `export default { milter: { listen: { listen: 'inet:127.0.0.1:0', filters: ['fin'] } }, filters: ['fine.ts'] };`,
    });
    const { code, said } = await postern(folder.path, 'check');
    expect({ code, said }).toEqual({
      code: 2,
      said: [expect.stringMatching(/fine.*got 'fin'|'fin'.*fine/)],
    });
    await folder.remove();
  });

  describe('looks at what filters ask of the stores', () => {
    const config = (kv: string) =>
      `import { defineConfig } from 'postern';\nexport default defineConfig({ filters: ['f.ts'], kv: ${kv} });`;
    const check = async (kv: string, source: string) => {
      const folder = await folderWith({ 'postern.config.ts': config(kv), 'f.ts': source });
      const result = await postern(folder.path, 'check');
      await folder.remove();
      return result;
    };

    test('and refuses what a store cannot do, naming the filter and the line', async () => {
      const source = `import { kv } from 'postern';\nexport async function helo() {\n  for await (const [key] of kv.scan('a')) await kv.delete(key);\n}`;
      const { code, said } = await check("{ default: 'memcached://127.0.0.1' }", source);
      expect(said).toEqual([
        "f.ts:3:29: kv.scan on the store 'default': memcached cannot list its keys; use lmdb, Redis or etcd",
      ]);
      expect(code).toBe(2);
    });

    test('and warns of what a store does badly', async () => {
      const source = `import { kv } from 'postern';\nexport const helo = async () => { await kv.group('all').incr('n'); };`;
      const kv = "{ stores: { far: 'etcd://10.0.0.1' }, groups: { all: ['default', 'far'] } }";
      const { code, said } = await check(kv, source);
      expect(said).toEqual([
        expect.stringMatching(
          /^warning: f\.ts:2:41: kv\.incr on the store 'far': each change in etcd/,
        ),
      ]);
      expect(code).toBe(0);
    });

    test('and takes no text for a call', async () => {
      const source = `import { kv, log } from 'postern';\nexport const helo = async () => { await kv.get('a').catch(() => log.warn('kv.scan failed')); };`;
      expect(await check("{ default: 'memcached://127.0.0.1' }", source)).toMatchObject({
        code: 0,
        said: [],
      });
    });

    test('and only warns where the name may be of something else', async () => {
      const source = `import { kv } from 'postern';
export const helo = async () => { const far = kv.store('far'); await far.get('a'); };
const scan = (far: { scan(): void }) => far.scan();
export const mail = () => { scan({ scan() {} }); };`;
      const { code, said } = await check("{ stores: { far: 'memcached://127.0.0.1' } }", source);
      expect(said).toEqual([
        "warning: f.ts:3:41: kv.scan on the store 'far': memcached cannot list its keys; use lmdb, Redis or etcd (if this is the store: the filter declares the name more than once)",
      ]);
      expect(code).toBe(0);
    });

    test('and refuses stores and groups that have no such name', async () => {
      const source = `import { kv } from 'postern';\nconst near = kv.store('flet');\nexport const helo = async () => { await near.get('a'); await kv.group('al').get('b'); };`;
      const kv = "{ stores: { fleet: 'lmdb:./x' }, groups: { all: ['default'] } }";
      const { said } = await check(kv, source);
      expect(said).toEqual([
        "f.ts:2:14: there is no store named 'flet' in kv.stores of the configuration; did you mean 'fleet'?",
        "f.ts:3:62: there is no group of stores named 'al' in kv.groups of the configuration; did you mean 'all'?",
        expect.stringContaining("there is no store named 'flet'"),
      ]);
    });
  });
});
