import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConfigFlags, loadConfig } from '../../src/config/load.ts';
import { folder } from './folder.ts';

const filters = { 'filters/a.ts': '', 'filters/b.ts': '' };

/** A folder with two filters and this configuration. */
function configured(text: string, more: Record<string, string> = {}): string {
  const header = "import { defineConfig } from 'postern';\n";
  return folder({
    ...filters,
    ...more,
    'postern.config.ts': `${header}export default defineConfig(${text});`,
  });
}

function load(cwd: string, flags: ConfigFlags = {}) {
  return loadConfig({ cwd, flags });
}

/** Temporary scripts that were made of a configuration in this folder. */
function bundlesOf(cwd: string): string[] {
  const scripts = readdirSync(tmpdir())
    .filter((name) => name.startsWith('postern-config-'))
    .map((name) => join(tmpdir(), name, 'postern.config.mjs'));
  // Those of other tests may come and go meanwhile.
  return scripts.filter((path) => existsSync(path) && readFileSync(path, 'utf8').includes(cwd));
}

describe('a configuration file', () => {
  test('is read with every path made absolute and every unit made a number', async () => {
    const cwd = configured(`{
      milter: { listen: ['inet:127.0.0.1:9901', { listen: 'unix:run/milter.sock', mode: '0660', group: 'postfix', filters: ['second'] }] },
      filters: ['filters/a.ts', {
        path: './filters/b.ts', name: 'second', settings: { delay: '5m', deep: [1, null] },
        mode: 'observe', onError: 'accept', cpu: '80ms', wall: '3s', memory: '32MB', body: '64KB',
      }],
      kv: { default: 'lmdb:./store' },
      workers: 3,
      limits: { delay: '5s', message: '1MB', runners: 2 },
    }`);
    const config = await load(cwd);
    expect(config).toMatchObject({
      file: `${cwd}/postern.config.ts`,
      folder: cwd,
      milter: {
        listeners: [
          { listen: 'inet:127.0.0.1:9901' },
          {
            listen: `unix:${cwd}/run/milter.sock`,
            mode: 0o660,
            group: 'postfix',
            filters: ['second'],
          },
        ],
      },
      filters: [
        { name: 'a', path: `${cwd}/filters/a.ts`, settings: {}, overrides: {} },
        {
          name: 'second',
          path: `${cwd}/filters/b.ts`,
          settings: { delay: '5m', deep: [1, null] },
          overrides: {
            mode: 'observe',
            onError: 'accept',
            cpuMs: 80,
            wallMs: 3000,
            memoryBytes: 32 * 1024 ** 2,
            body: { kind: 'first', bytes: 64 * 1024 },
          },
        },
      ],
      kv: { default: `lmdb:${cwd}/store` },
      workers: 3,
      limits: { delayMs: 5000, messageBytes: 1024 ** 2, runners: 2, headers: 2000 },
    });
  });

  test('may say nothing but its filters', async () => {
    const cwd = configured("{ filters: ['filters/a.ts'] }");
    expect(await load(cwd)).toEqual({
      file: `${cwd}/postern.config.ts`,
      folder: cwd,
      milter: { listeners: [{ listen: 'inet:127.0.0.1:9900' }] },
      filters: [{ name: 'a', path: `${cwd}/filters/a.ts`, settings: {}, overrides: {} }],
      auth: { policy: [] },
      kv: { default: `lmdb:${cwd}/data`, stores: {}, groups: {} },
      dns: { timeoutMs: 2000, tries: 2 },
      workers: availableParallelism(),
      limits: {
        packetBytes: 2 * 1024 ** 2,
        headers: 2000,
        headerBytes: 2 * 1024 ** 2,
        recipients: 20_000,
        messageBytes: 100 * 1024 ** 2,
        sessions: 10_000,
        idleMs: 7_210_000,
        writeMs: 30_000,
        delayMs: 25_000,
        runnerMemoryBytes: 512 * 1024 ** 2,
        runners: 1,
        stateBytes: 64 * 1024,
        modifications: 1000,
        loadMs: 5000,
        progressMs: 5000,
        kvMs: 150,
        httpMs: 10_000,
        httpBytes: 10 * 1024 ** 2,
        authenticateMs: 10_000,
        parse: {
          parts: 1000,
          depth: 50,
          bytes: 16 * 1024 ** 2,
          textLength: 4 * 1024 ** 2,
          timeMs: 5000,
        },
        calls: 1000,
        logLines: 1000,
      },
    });
  });

  test('may name its one listener without a list', async () => {
    const cwd = configured("{ filters: ['filters/a.ts'], milter: { listen: 'inet:0.0.0.0:1' } }");
    expect((await load(cwd)).milter.listeners).toEqual([{ listen: 'inet:0.0.0.0:1' }]);
  });

  test('may lie in another folder, which its paths are relative to', async () => {
    const cwd = configured("{ filters: ['filters/a.ts'] }");
    const config = await loadConfig({ cwd: '/', file: `${cwd}/postern.config.ts` });
    expect(config.filters[0]?.path).toBe(`${cwd}/filters/a.ts`);
  });

  test('may import its own modules, packages and what Node has', async () => {
    const cwd = folder({
      ...filters,
      'shared/places.ts': "export const place: string = 'inet:127.0.0.1:4';",
      'node_modules/names/package.json':
        '{ "name": "names", "type": "module", "exports": "./main.js" }',
      'node_modules/names/main.js':
        "import { readFileSync } from 'node:fs'; export const name = readFileSync(new URL('name.txt', import.meta.url), 'utf8');",
      'node_modules/names/name.txt': 'from-a-package',
      'node_modules/old/package.json': '{ "name": "old", "main": "main.js" }',
      'node_modules/old/main.js': 'exports.workers = 7;',
      'postern.config.ts': [
        "import { join } from 'node:path';",
        "import { defineConfig } from 'postern';",
        "import { name } from 'names';",
        "import { workers } from 'old';",
        "import { place } from './shared/places';",
        'const late = await Promise.resolve(join(import.meta.dirname, "filters", "a.ts"));',
        'export default defineConfig({ milter: { listen: place }, filters: [{ path: late, name }], workers });',
      ].join('\n'),
    });
    expect(await load(cwd)).toMatchObject({
      milter: { listeners: [{ listen: 'inet:127.0.0.1:4' }] },
      filters: [{ name: 'from-a-package', path: `${cwd}/filters/a.ts` }],
      workers: 7,
    });
  });

  test('is run again each time it is loaded, and leaves nothing behind', async () => {
    const cwd = folder({
      ...filters,
      'postern.config.ts': [
        "import { readFileSync } from 'node:fs';",
        'setInterval(() => undefined, 1000);',
        'const known = globalThis as { runs?: number };',
        'known.runs = (known.runs ?? 0) + 1;',
        "const workers = known.runs * Number(readFileSync(new URL('workers', import.meta.url)));",
        "export default { filters: ['filters/a.ts'], workers };",
      ].join('\n'),
      workers: '2',
    });
    expect((await load(cwd)).workers).toBe(2);
    expect(bundlesOf(cwd)).toEqual([]);
    writeFileSync(join(cwd, 'workers'), '3');
    expect((await load(cwd)).workers).toBe(3);
  });
});

describe('flags', () => {
  test('are enough without a file', async () => {
    const cwd = folder(filters);
    expect(await load(cwd, { filter: ['filters/a.ts', 'filters/b.ts'] })).toMatchObject({
      folder: cwd,
      milter: { listeners: [{ listen: 'inet:127.0.0.1:9900' }] },
      filters: [{ name: 'a' }, { name: 'b' }],
      kv: { default: `lmdb:${cwd}/data` },
    });
  });

  test('replace the keys of the file', async () => {
    const cwd = configured(`{
      milter: { listen: 'inet:127.0.0.1:1' }, filters: ['filters/a.ts'], workers: 2,
    }`);
    const elsewhere = folder({ 'c.ts': '' });
    const config = await loadConfig({
      cwd: elsewhere,
      file: `${cwd}/postern.config.ts`,
      flags: {
        listen: ['inet:127.0.0.1:2', 'inet:127.0.0.1:3'],
        filter: ['c.ts'],
        kv: 'lmdb:kv',
        workers: '5',
      },
    });
    expect(config).toMatchObject({
      milter: { listeners: [{ listen: 'inet:127.0.0.1:2' }, { listen: 'inet:127.0.0.1:3' }] },
      filters: [{ name: 'c', path: `${elsewhere}/c.ts` }],
      kv: { default: `lmdb:${elsewhere}/kv` },
      workers: 5,
    });
  });

  test('with a filter leave a configuration file alone that was not named', async () => {
    const cwd = configured("{ filters: ['filters/a.ts'], workers: 9 }");
    const config = await load(cwd, { filter: ['filters/b.ts'], workers: 1 });
    expect(config.filters).toMatchObject([{ name: 'b' }]);
    expect(config.file).toBeUndefined();
  });
});

test('names further stores, groups of them, and the DNS servers', async () => {
  const cwd = configured(`{
    filters: [{ path: 'filters/a.ts', http: ['API.example.com', '10.0.0.0/8'] }],
    kv: {
      default: 'lmdb:./store',
      stores: { fleet: 'redis://:s%40cret@10.0.0.5/3', local: 'lmdb:./more' },
      groups: { both: ['default', 'fleet', 'fleet'] },
    },
    dns: { servers: ['127.0.0.1', '[::1]:5353'], timeout: '1s', tries: 3 },
    limits: { kv: '80ms', http: '2s', httpSize: '1MB', parseTime: '1s', parseParts: 9, logLines: 7 },
  }`);
  expect(await load(cwd)).toMatchObject({
    filters: [{ overrides: { http: ['api.example.com', '10.0.0.0/8'] } }],
    kv: {
      default: `lmdb:${cwd}/store`,
      stores: { fleet: 'redis://:s%40cret@10.0.0.5:6379/3', local: `lmdb:${cwd}/more` },
      groups: { both: ['default', 'fleet'] },
    },
    dns: { servers: ['127.0.0.1', '[::1]:5353'], timeoutMs: 1000, tries: 3 },
    limits: {
      kvMs: 80,
      httpMs: 2000,
      httpBytes: 1024 ** 2,
      parse: { timeMs: 1000, parts: 9, depth: 50 },
      logLines: 7,
    },
  });
});

test('names the places of policy clients, each with its own filters if it wants', async () => {
  const cwd = configured(`{
    filters: ['filters/a.ts', 'filters/b.ts'],
    auth: { policy: { listen: ['inet:127.0.0.1:9902', { listen: 'unix:policy.sock', mode: '0660', filters: ['b'] }] } },
  }`);
  expect((await load(cwd)).auth).toEqual({
    policy: [
      { listen: 'inet:127.0.0.1:9902' },
      { listen: `unix:${cwd}/policy.sock`, mode: 0o660, filters: ['b'] },
    ],
  });
  const one = configured(
    "{ filters: ['filters/a.ts'], auth: { policy: { listen: 'inet:127.0.0.1:1' } } }",
  );
  expect((await load(one)).auth.policy).toEqual([{ listen: 'inet:127.0.0.1:1' }]);
});

test('the store of one process is not given to several workers', async () => {
  const cwd = folder(filters);
  const flags = { filter: ['filters/a.ts'], kv: 'memory:' };
  expect(await load(cwd, flags)).toMatchObject({ workers: 1, kv: { default: 'memory:' } });
  await expect(load(cwd, { ...flags, workers: 2 })).rejects.toThrow(
    "--kv: 'memory:' cannot be shared by 2 workers; use 'lmdb:./data', or workers: 1",
  );
});
