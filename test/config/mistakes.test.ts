import { ConfigError } from '../../src/config/config-error.ts';
import { type ConfigFlags, loadConfig } from '../../src/config/load.ts';
import { folder } from './folder.ts';

const cwd = folder({
  'filters/a.ts': '',
  'filters/b.ts': '',
  'filters/sub/a.ts': '',
  'filters/b c.ts': '',
});

async function mistakes(promise: Promise<unknown>): Promise<string[]> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConfigError);
  expect((error as ConfigError).code).toBe('ERR_CONFIG');
  return (error as ConfigError).message.split('\n');
}

/** What is said about a configuration file with this text. */
async function said(text: string): Promise<string[]> {
  const own = folder({
    'filters/a.ts': '',
    'filters/b.ts': '',
    'filters/sub/a.ts': '',
    'filters/b c.ts': '',
    'postern.config.ts': text,
  });
  const lines = await mistakes(
    loadConfig({
      cwd: own,
      checkListen: (spec) => (spec.includes(':') ? undefined : `'${spec}' is no place`),
    }),
  );
  return lines.map((line) => line.replaceAll(own, 'DIR'));
}

const A = "filters: ['filters/a.ts']";

test.each<[what: string, config: string, lines: string[]]>([
  [
    'a misspelt key',
    `{ fliters: ['filters/a.ts'] }`,
    ["fliters: there is no such key; did you mean 'filters'?"],
  ],
  ['an unknown key', `{ ${A}, bananas: 1 }`, ['bananas: there is no such key']],
  [
    'a misspelt limit',
    `{ ${A}, limits: { recipient: 5 } }`,
    ["limits.recipient: there is no such key; did you mean 'recipients'?"],
  ],
  [
    'a misspelt option of a filter',
    `{ filters: [{ path: 'filters/a.ts', memroy: '9MB' }] }`,
    ["filters[0].memroy: there is no such key; did you mean 'memory'?"],
  ],
  [
    'a listener of the wrong type in a list',
    `{ ${A}, milter: { listen: ['inet:127.0.0.1:1', 5] } }`,
    [
      "milter.listen[1]: expected a place to listen such as 'inet:127.0.0.1:9900' or 'unix:/run/milter.sock', got 5",
    ],
  ],
  [
    'a single listener of the wrong type',
    `{ ${A}, milter: { listen: { listen: 5 } } }`,
    [
      "milter.listen.listen: expected a place to listen such as 'inet:127.0.0.1:9900' or 'unix:/run/milter.sock', got 5",
    ],
  ],
  [
    'a listener that the milter cannot read',
    `{ ${A}, milter: { listen: ['nowhere'] } }`,
    ["milter.listen[0]: 'nowhere' is no place"],
  ],
  [
    'a listener named twice',
    `{ ${A}, milter: { listen: ['inet:1:1', 'inet:1:1'] } }`,
    ["milter.listen[1]: 'inet:1:1' is in the list already"],
  ],
  [
    'a listener with an unknown filter',
    `{ filters: ['filters/a.ts', 'filters/b.ts'], milter: { listen: [{ listen: 'inet:1:1', filters: ['a', 'c', 'xyz'] }] } }`,
    [
      "milter.listen[0].filters[1]: there is no filter named 'c'; did you mean 'a'?",
      "milter.listen[0].filters[2]: there is no filter named 'xyz'; there are: a, b",
    ],
  ],
  [
    'permissions of a TCP socket',
    `{ ${A}, milter: { listen: [{ listen: 'inet:1:1', mode: '0660' }] } }`,
    ['milter.listen[0].mode: only a Unix socket has this; remove the key'],
  ],
  [
    'permissions as a number',
    `{ ${A}, milter: { listen: [{ listen: 'unix:/x', mode: 660 }] } }`,
    ["milter.listen[0].mode: expected permissions as an octal text such as '0660', got 660"],
  ],
  [
    'no filters',
    '{}',
    [
      "filters: expected at least one filter, such as filters: ['filters/greylist.ts'] or --filter FILE",
    ],
  ],
  [
    'a filter that is not there',
    `{ filters: ['filters/c.ts'] }`,
    ['filters[0]: there is no file DIR/filters/c.ts'],
  ],
  [
    'two filters of one name',
    `{ filters: ['filters/a.ts', 'filters/sub/a.ts'] }`,
    [
      "filters[1]: the name 'a' is taken by filters[0]; give one of them another: { path: 'filters/sub/a.ts', name: '...' }",
    ],
  ],
  [
    'a file name that is no name of a filter',
    `{ filters: ['filters/b c.ts'] }`,
    [
      "filters[0]: 'b c' cannot be the name of a filter; give it one: { path: 'filters/b c.ts', name: '...' }",
    ],
  ],
  [
    'a filter of the wrong type',
    '{ filters: [7] }',
    [
      "filters[0]: expected a filter such as 'filters/greylist.ts' or { path, name, settings, ... }, got 7",
    ],
  ],
  [
    'a filter without a path',
    `{ filters: ['', {}] }`,
    [
      "filters[0].path: expected the path of a filter such as 'filters/greylist.ts', got ''",
      "filters[1].path: expected the path of a filter such as 'filters/greylist.ts'; it is missing",
    ],
  ],
  [
    'settings that JSON cannot carry',
    `{ filters: [{ path: 'filters/a.ts', settings: { on: [1, () => 2] } }] }`,
    ['filters[0].settings.on[1]: expected data, got a function'],
  ],
  [
    'settings that JSON would change',
    `{ filters: [{ path: 'filters/a.ts', settings: { at: new Date(0) } }] }`,
    ['filters[0].settings: expected only what JSON can carry, got a Date at settings.at'],
  ],
  [
    'filter options out of bounds',
    `{ filters: [{ path: 'filters/a.ts', cpu: '2s', memory: '1MB', onError: 'drop', body: 'some' }] }`,
    [
      "filters[0].onError: expected 'tempfail' | 'accept' | 'reject' | 'continue', got 'drop'",
      "filters[0].cpu: expected at most '1s', got '2s'",
      "filters[0].memory: expected at least '8MB', got '1MB'",
      "filters[0].body: expected 'all' | 'none' | how much of it, such as '64KB', got 'some'",
    ],
  ],
  [
    'a duration without a unit',
    `{ ${A}, limits: { delay: '25' } }`,
    [
      `limits.delay: expected a duration such as '500ms', '90s', '5m', '2h', '1d' or milliseconds, got "25"`,
    ],
  ],
  [
    'a limit of nothing',
    `{ ${A}, limits: { idle: 0, headers: 0 } }`,
    [
      'limits.headers: expected a whole number, at least 1, got 0',
      'limits.idle: expected more than 0, got 0',
    ],
  ],
  [
    'a time that no timer can wait',
    `{ ${A}, limits: { idle: '30d' } }`,
    ["limits.idle: expected at most '24d', got '30d'"],
  ],
  [
    'a number of workers',
    `{ ${A}, workers: 1.5 }`,
    ["workers: expected 'auto' or a whole number, at least 1, got 1.5"],
  ],
  [
    'a store that does not exist',
    `{ ${A}, kv: { default: 'mysql://:secret@host/0' } }`,
    [
      "kv.default: there is no store 'mysql:'; expected 'lmdb:./folder', 'memory:', 'redis://host:6379/0', 'etcd://host:2379' or 'memcached://host:11211'",
    ],
  ],
  [
    'an lmdb URL that looks like a host',
    `{ ${A}, kv: { default: 'lmdb://data' } }`,
    ["kv.default: expected 'lmdb:./folder' or 'lmdb:/folder', without //"],
  ],
  [
    'a store that is no URL',
    `{ ${A}, kv: { default: './data' } }`,
    [
      "kv.default: expected 'lmdb:./folder', 'memory:', 'redis://host:6379/0', 'etcd://host:2379' or 'memcached://host:11211', got a text without a scheme",
    ],
  ],
  [
    'a second default store, a store without a proper name, and one of one process for two workers',
    `{ ${A}, workers: 2, kv: { stores: { default: 'lmdb:./x', 'a b': 'lmdb:./y', m: 'memory:' } } }`,
    [
      "kv.stores.default: 'default' is the store of kv.default; name it there",
      "kv.stores.a b: expected a name of letters, digits, '_' and '-', 64 at most",
      "kv.stores.m: 'memory:' cannot be shared by 2 workers; use 'lmdb:./data', or workers: 1",
    ],
  ],
  [
    'a group of stores that are not there',
    `{ ${A}, kv: { stores: { fleet: 'redis://h' }, groups: { both: ['default', 'flet'], none: [] } } }`,
    ["kv.groups.none: expected a list of stores such as ['default', 'fleet'], got []"],
  ],
  [
    'a group of a store that is not there',
    `{ ${A}, kv: { stores: { fleet: 'redis://h' }, groups: { both: ['default', 'flet'] } } }`,
    ["kv.groups.both[1]: there is no store named 'flet'; did you mean 'fleet'?"],
  ],
  [
    'a store where the stores should be, without its password',
    `{ ${A}, kv: 'redis://:S3cret@10.0.0.5' }`,
    ["kv: expected an object such as { default: 'lmdb:./data' }, got 'redis://***@10.0.0.5'"],
  ],
  [
    'a list of stores, without a password',
    `{ ${A}, kv: ['redis://ann:S3@cret@10.0.0.5'] }`,
    ["kv: expected an object such as { default: 'lmdb:./data' }, got [ 'redis://***@10.0.0.5' ]"],
  ],
  [
    'a store in place of its name, without its password',
    `{ ${A}, kv: { stores: 'redis://:S3cret@10.0.0.5' } }`,
    [
      "kv.stores: expected an object such as { fleet: 'redis://127.0.0.1:6379/0' }, got 'redis://***@10.0.0.5'",
    ],
  ],
  [
    'a store as a key, without its password',
    `{ ${A}, kv: { 'redis://:S3cret@10.0.0.5': 1 } }`,
    ['kv.redis://***@10.0.0.5: there is no such key'],
  ],
  [
    'a store as the name of a store and of a group, without its password',
    `{ ${A}, kv: { stores: { 'redis://:S3cret@h': 'lmdb:./x' }, groups: { g: ['redis://:S3cret@g'], 'redis://:S3cret@i': ['default'] } } }`,
    [
      "kv.stores.redis://***@h: expected a name of letters, digits, '_' and '-', 64 at most",
      "kv.groups.g[0]: there is no store named 'redis://***@g'; did you mean 'redis://***@h'?",
      "kv.groups.redis://***@i: expected a name of letters, digits, '_' and '-', 64 at most",
    ],
  ],
  [
    'a DNS server that is none, and no time for it',
    `{ ${A}, dns: { servers: ['ns.example.com', '127.0.0.1:99999'], timeout: 0 } }`,
    [
      "dns.servers[0]: expected an address such as '127.0.0.1', '127.0.0.1:5353' or '[::1]:53', got 'ns.example.com'",
      "dns.servers[1]: expected an address such as '127.0.0.1', '127.0.0.1:5353' or '[::1]:53', got '127.0.0.1:99999'",
      'dns.timeout: expected more than 0, got 0',
    ],
  ],
  [
    'a place of policy clients that is one of MTAs already, and a filter that is not there',
    `{ ${A}, milter: { listen: 'inet:127.0.0.1:1' }, auth: { policy: { listen: [{ listen: 'inet:127.0.0.1:1', filters: ['b'] }] } } }`,
    [
      "auth.policy.listen[0]: 'inet:127.0.0.1:1' is in the list already",
      "auth.policy.listen[0].filters[0]: there is no filter named 'b'; did you mean 'a'?",
    ],
  ],
  [
    'what this version does not have yet',
    `{ ${A}, auth: { listen: 'http://127.0.0.1:9901' }, status: {} }`,
    [
      'auth.listen: this version does not have the login hooks over HTTP yet; remove the key',
      'status: this version does not have the status page yet; remove the key',
    ],
  ],
  [
    'a list instead of an object',
    '[]',
    ['expected an object, such as defineConfig({ ... }) gives, got []'],
  ],
])('%s is named', async (_what, config, lines) => {
  expect(await said(`export default ${config};`)).toEqual(
    lines.map((line) => `postern.config.ts: ${line}`),
  );
});

describe('a configuration file that does not run', () => {
  test('is a mistake at the line and column of the syntax error', async () => {
    expect(await said('const a = 1;\nexport default { filters: [;')).toEqual([
      'postern.config.ts:2:28: Unexpected ";"',
    ]);
  });

  test('is a mistake at the line that throws', async () => {
    const text =
      'type A = string;\ninterface B { a: A }\n\nfunction fail(): B {\n  throw new RangeError("no luck");\n}\nexport default fail();';
    expect(await said(text)).toEqual(['postern.config.ts:5:9: threw RangeError: no luck']);
  });

  test('is a mistake even if it throws something that is no error', async () => {
    expect(await said("throw 'a fit'; export default 1;")).toEqual([
      'postern.config.ts: threw a fit',
    ]);
  });

  test('is a mistake if it ends the process or waits for ever', async () => {
    const lines = ['postern.config.ts: threw nothing, but ended before its export'];
    expect(await said('process.exit(0); export default {};')).toEqual(lines);
    expect(await said('await new Promise(() => {}); export default {};')).toEqual(lines);
  });

  test('is a mistake at the import that leads nowhere', async () => {
    expect(await said("import './gone.ts';\nexport default {};")).toEqual([
      'postern.config.ts:1:8: Could not resolve "./gone.ts"',
    ]);
  });

  test('is a mistake if it exports nothing', async () => {
    expect(await said('export const config = {};')).toEqual([
      'postern.config.ts: expected `export default defineConfig({ ... })`, got no default export',
    ]);
  });

  test('is a mistake if it is not there', async () => {
    expect(await mistakes(loadConfig({ cwd, file: 'gone.config.ts' }))).toEqual([
      'gone.config.ts: cannot read this configuration file (ENOENT); check the path given with -c',
    ]);
  });
});

test.each<[what: string, flags: ConfigFlags, line: RegExp]>([
  ['--filter', { filter: ['filters/c.ts'] }, /^--filter: there is no file .*\/filters\/c\.ts$/],
  ['--kv', { filter: ['filters/a.ts'], kv: 'mysql://x' }, /^--kv: there is no store 'mysql:'/],
  [
    '--workers',
    { filter: ['filters/a.ts'], workers: 'many' },
    /^--workers: expected 'auto' or a whole number/,
  ],
  ['--listen', { filter: ['filters/a.ts'], listen: ['x'] }, /^--listen: bad x$/],
])('a mistake in %s is said of the flag', async (_what, flags, line) => {
  const [first] = await mistakes(
    loadConfig({ cwd, flags, checkListen: (spec) => (spec === 'x' ? 'bad x' : undefined) }),
  );
  expect(first).toMatch(line);
});

test('without a file and without filters there is advice', async () => {
  expect(await mistakes(loadConfig({ cwd: folder() }))).toEqual([
    "filters: expected at least one filter, such as filters: ['filters/greylist.ts'] or --filter FILE",
  ]);
});
