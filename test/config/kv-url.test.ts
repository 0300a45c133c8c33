import { formatKvUrl, type KvUrl, parseKvUrl, shownKvUrl } from '../../src/config/kv-url.ts';

const host = (name: string, port: number) => ({ host: name, port });

function parsed(url: string): KvUrl {
  const meaning = parseKvUrl(url, '/etc/postern');
  if ('mistake' in meaning) throw new Error(meaning.mistake);
  return meaning;
}

const REDIS = { scheme: 'redis', tls: false, db: 0 };

test.each<[url: string, meaning: object, shown?: string]>([
  ['memory:', { scheme: 'memory' }],
  ['lmdb:./data', { scheme: 'lmdb', path: '/etc/postern/data' }, 'lmdb:/etc/postern/data'],
  ['lmdb:/data', { scheme: 'lmdb', path: '/data' }],
  [
    'redis://db.example.com',
    { ...REDIS, mode: 'single', hosts: [host('db.example.com', 6379)] },
    'redis://db.example.com:6379/0',
  ],
  [
    'valkeys://ann:p%40ss%3A@[2001:db8::1]:7000/5',
    {
      ...REDIS,
      mode: 'single',
      tls: true,
      db: 5,
      hosts: [host('2001:db8::1', 7000)],
      username: 'ann',
      password: 'p@ss:',
    },
    'rediss://ann:***@[2001:db8::1]:7000/5',
  ],
  [
    'redis://:secret@10.0.0.1',
    { ...REDIS, mode: 'single', hosts: [host('10.0.0.1', 6379)], password: 'secret' },
    'redis://:***@10.0.0.1:6379/0',
  ],
  [
    'redis+unix:///run/redis.sock?db=2',
    { ...REDIS, mode: 'unix', path: '/run/redis.sock', db: 2 },
    'redis+unix:///run/redis.sock?db=2',
  ],
  [
    'redis+unix://:secret@/run/redis.sock',
    { ...REDIS, mode: 'unix', path: '/run/redis.sock', password: 'secret' },
    'redis+unix://:***@/run/redis.sock?db=0',
  ],
  [
    'redis+unix:///run/redis@main.sock',
    { ...REDIS, mode: 'unix', path: '/run/redis@main.sock' },
    'redis+unix:///run/redis@main.sock?db=0',
  ],
  [
    'redis+sentinel://s1,s2:26380/mymaster/1',
    {
      ...REDIS,
      mode: 'sentinel',
      db: 1,
      master: 'mymaster',
      hosts: [host('s1', 26379), host('s2', 26380)],
    },
    'redis+sentinel://s1:26379,s2:26380/mymaster/1',
  ],
  [
    'valkey+cluster://n1:7000,n2:7001',
    { ...REDIS, mode: 'cluster', hosts: [host('n1', 7000), host('n2', 7001)] },
    'redis+cluster://n1:7000,n2:7001',
  ],
  [
    'etcd://e1,e2:2380',
    {
      scheme: 'etcd',
      tls: false,
      prefix: 'postern/',
      hosts: [host('e1', 2379), host('e2', 2380)],
    },
    'etcd://e1:2379,e2:2380/postern/',
  ],
  [
    'etcds://root:pw@e1/mail/',
    {
      scheme: 'etcd',
      tls: true,
      prefix: 'mail/',
      hosts: [host('e1', 2379)],
      username: 'root',
      password: 'pw',
    },
    'etcds://root:***@e1:2379/mail/',
  ],
  [
    'memcached://m1,m2:11212',
    { scheme: 'memcached', tls: false, hosts: [host('m1', 11211), host('m2', 11212)] },
    'memcached://m1:11211,m2:11212',
  ],
])('%s is understood, and shown without its password', (url, meaning, shown = url) => {
  expect(parsed(url)).toEqual(meaning);
  expect(shownKvUrl(parsed(url))).toBe(shown);
  expect(parsed(formatKvUrl(parsed(url)))).toEqual(meaning);
});

test.each([
  ['', /got a text without a scheme/],
  ['memory:x', /with nothing behind it/],
  ['lmdb:', /expected a folder after/],
  ['lmdb://data', /without \/\//],
  ['redis:host', /expected 'redis:\/\/host:6379\/0'/],
  ['redis://', /expected 'redis:\/\/host:6379\/0'/],
  ['redis://a,b', /expected one host/],
  ['redis://host/name', /expected the number of a database/],
  ['redis://host:0', /expected hosts with ports/],
  ['redis://host:99999', /expected hosts with ports/],
  ['redis://a b', /expected hosts with ports/],
  ['redis://%zz@host', /must be written as %25/],
  ['redis+cluster://a/1', /has no databases/],
  ['redis+sentinel://a', /expected the master's name/],
  ['redis+unix://host', /expected a socket/],
  ['rediss+unix:///x', /expected a socket/],
  ['redis+other://host', /there is no store 'redis\+other:'/],
  ['memcached://m/1', /expected nothing behind the hosts/],
  ['mysql://host', /there is no store 'mysql:'/],
  ['etcd://user:1234/abc@10.0.0.1:2379', /\/ as %2F/],
  ['etcd://e1/a@b', /\/ as %2F/],
  ['etcd://root:p@ss/x@e1', /@ in a password as %40/],
  ['redis://user:1234/7@10.0.0.1', /\/ as %2F/],
  ['redis://:pa?ss@host', /\? as %3F/],
  ['redis://:pa#ss@host', /# as %23/],
  ['redis://:p@ss@host', /@ in a password as %40/],
  ['redis+sentinel://user:1234/m@s1/mymaster', /\/ as %2F/],
  ['redis+cluster://user:1234/abc@n1', /\/ as %2F/],
  ['redis+unix://:p@/ss@/run/redis.sock', /@ in a password as %40/],
  ['memcached://user:1234/abc@m1', /\/ as %2F/],
])('%s is refused with a reason', (url, reason) => {
  expect(parseKvUrl(url, '/')).toEqual({ mistake: expect.stringMatching(reason) });
});

test('what is refused is not shown: it may hold a password', () => {
  for (const url of [
    'redis://:hunter2@',
    'etcd://u:1/hunter2@e1',
    'etcd://root:hunter2@/x',
    'hunter2',
  ])
    expect(JSON.stringify(parseKvUrl(url, '/'))).not.toContain('hunter2');
});
