import { OptionsError, parseFilterOptions } from '../../src/policy/options.ts';

function mistakes(raw: unknown): string[] {
  try {
    parseFilterOptions(raw);
  } catch (error) {
    expect(error).toBeInstanceOf(OptionsError);
    expect((error as OptionsError).code).toBe('ERR_OPTIONS');
    return (error as OptionsError).message.split('\n');
  }
  throw new Error('there should have been a mistake');
}

test('a filter without options has the defaults', () => {
  const defaults = {
    onError: 'tempfail',
    cpuMs: 50,
    wallMs: 20_000,
    memoryBytes: 64 * 1024 ** 2,
    mode: 'enforce',
    http: [],
    macros: [],
  };
  expect(parseFilterOptions(undefined)).toEqual(defaults);
  expect(parseFilterOptions({})).toEqual(defaults);
});

test('options come out in milliseconds and bytes', () => {
  const raw = {
    onError: 'accept',
    cpu: '80ms',
    wall: 1500,
    memory: '8MB',
    mode: 'observe',
    body: '64KB',
    kv: { namespace: 'logins' },
    http: ['API.example.com', 'localhost:8080', '[::1]:80', 'api.example.com'],
  };
  expect(parseFilterOptions(raw)).toEqual({
    onError: 'accept',
    cpuMs: 80,
    wallMs: 1500,
    memoryBytes: 8 * 1024 ** 2,
    mode: 'observe',
    body: { kind: 'first', bytes: 65_536 },
    namespace: 'logins',
    http: ['api.example.com', 'localhost:8080', '[::1]:80'],
    macros: [],
  });
});

test.each([
  ['all', { kind: 'all' }],
  ['none', { kind: 'none' }],
  [100, { kind: 'first', bytes: 100 }],
])('body %p means %p', (body, meaning) => {
  expect(parseFilterOptions({ body }).body).toEqual(meaning);
});

test('the configuration has the last word', () => {
  const raw = { mode: 'enforce', cpu: '10ms', wall: '1s' };
  const overrides = { mode: 'observe', cpuMs: 99, body: { kind: 'none' } } as const;
  expect(parseFilterOptions(raw, overrides)).toMatchObject({ ...overrides, wallMs: 1000 });
});

test('macros are named as the protocol names them, each once', () => {
  const macros = ['client_ptr', '{client_ptr}', 'i', '{i}', '_', '{tls_version}'];
  expect(parseFilterOptions({ macros }).macros).toEqual([
    '{client_ptr}',
    'i',
    '_',
    '{tls_version}',
  ]);
});

test.each<[what: string, raw: unknown, lines: string[]]>([
  [
    'a misspelt option',
    { onEror: 'accept' },
    ["options.onEror: there is no such key; did you mean 'onError'?"],
  ],
  [
    'a misspelt option of kv',
    { kv: { namespac: 'x' } },
    ["options.kv.namespac: there is no such key; did you mean 'namespace'?"],
  ],
  [
    'an unknown onError',
    { onError: 'drop' },
    ["options.onError: expected 'tempfail' | 'accept' | 'reject' | 'continue', got 'drop'"],
  ],
  [
    'more CPU time than a runner can give',
    { cpu: '1.1s' },
    ["options.cpu: expected at most '1s', got '1.1s'"],
  ],
  [
    'less memory than an isolate needs',
    { memory: '7MB' },
    ["options.memory: expected at least '8MB', got '7MB'"],
  ],
  ['a time without end', { wall: 0 }, ['options.wall: expected more than 0, got 0']],
  [
    'an unknown body',
    { body: 'head' },
    ["options.body: expected 'all' | 'none' | how much of it, such as '64KB', got 'head'"],
  ],
  [
    'a URL instead of a host',
    { http: ['https://api.example.com/x'] },
    [
      "options.http[0]: expected a host such as 'api.example.com', '10.0.0.1:8080' or '10.0.0.0/8', without https:// and path, got 'https://api.example.com/x'",
    ],
  ],
  [
    'a host outside a list',
    { http: 'a.example' },
    ["options.http: expected a list of hosts such as ['api.example.com'], got 'a.example'"],
  ],
  [
    'a macro with odd braces',
    { macros: ['{x'] },
    ["options.macros[0]: expected a macro such as '{client_ptr}' or 'i', got '{x'"],
  ],
  [
    'a namespace with spaces',
    { kv: { namespace: 'a b' } },
    [
      "options.kv.namespace: expected a name of letters, digits, '.', '_' and '-', 64 at most, got 'a b'",
    ],
  ],
  [
    'options that are no object',
    5,
    ["options: expected an object such as { onError: 'accept', wall: '10s' }, got 5"],
  ],
  [
    'several mistakes at once',
    { mode: 'watch', cpu: 'fast' },
    [
      "options.cpu: expected a duration such as '500ms', '90s', '5m', '2h', '1d' or milliseconds, got \"fast\"",
      "options.mode: expected 'enforce' | 'observe', got 'watch'",
    ],
  ],
])('%s is named', (_what, raw, lines) => {
  expect(mistakes(raw)).toEqual(lines);
});
