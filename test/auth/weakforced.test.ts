import fc from 'fast-check';
import { BadRequest } from '../../src/auth/bad-request.ts';
import { Lists } from '../../src/auth/lists.ts';
import { parseNetmask } from '../../src/auth/netmask.ts';
import { Weakforced } from '../../src/auth/weakforced.ts';
import { MemoryStore } from '../../src/kv/memory.ts';

const COUNTS = { allows: 3, reports: 2, denied: 1, tarpitted: 0 };

function weakforced() {
  let now = Date.UTC(2026, 10, 20, 10, 0, 0);
  const store = new MemoryStore({ now: () => now, sweepEveryMs: 0 });
  const lists = new Lists(store, () => now);
  const of = new Weakforced({ lists, counts: () => COUNTS });
  return {
    of,
    lists,
    store,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

test('ping and stats are answered as weakforced does', async () => {
  const { of } = weakforced();
  expect(await of.perform('ping', {})).toEqual({ status: 'ok' });
  expect(await of.perform('stats', {})).toMatchObject({
    reports: 2,
    allows: 3,
    denieds: 1,
    'user-msec': expect.any(Number),
    commandstats: { allow_denied: 1 },
  });
});

test('a ban of an address, a network, a login or both is listed, found, and over when its time is', async () => {
  const { of, lists, pass } = weakforced();
  const add = (body: object) =>
    of.perform('addBLEntry', { expire_secs: 60, reason: 'why', ...body });
  expect(await add({ ip: '::ffff:192.0.2.1' })).toEqual({ status: 'ok' });
  await add({ netmask: '2001:503:BA3E::7/64' });
  await add({ login: 'ann', expire_secs: 0 });
  await add({ ip: '192.0.2.9', login: 'bob/x' });
  const expiration = '2026-Nov-20 10:01:00';
  const { bl_entries } = (await of.perform('getBL', {})) as { bl_entries: object[] };
  expect(bl_entries).toHaveLength(4);
  expect(bl_entries).toEqual(
    expect.arrayContaining([
      { ip: '192.0.2.1', expiration, reason: 'why' },
      { ip: '2001:503:ba3e::/64', expiration, reason: 'why' },
      { login: 'ann', expiration: 'never', reason: 'why' },
      { iplogin: '192.0.2.9:bob/x', expiration, reason: 'why' },
    ]),
  );
  expect(await of.perform('getWL', {})).toEqual({ wl_entries: [] });
  const finds = async (login: string, address: string) =>
    !!(await lists.find('ban', { login, address }));
  expect(await finds('x', '192.0.2.1')).toBe(true);
  expect(await finds('x', '2001:503:ba3e::ffff')).toBe(true);
  expect(await finds('x', '2001:503:ba3f::1')).toBe(false);
  expect(await finds('bob/x', '192.0.2.9')).toBe(true);
  expect(await finds('x', '192.0.2.9')).toBe(false);
  pass(60_001);
  expect(await finds('x', '192.0.2.1')).toBe(false);
  expect(await finds('ann', '192.0.2.1')).toBe(true);
});

test('the keys are those that people may write by hand', async () => {
  const { of, lists, store } = weakforced();
  await of.perform('addBLEntry', { ip: '192.0.2.1', reason: 'why' });
  await of.perform('addWLEntry', { netmask: '192.0.2.0/24' });
  expect(JSON.parse((await store.get('logins/ban/ip/192.0.2.1'))!.toString())).toEqual({
    ip: '192.0.2.1',
    reason: 'why',
    since: '2026-11-20T10:00:00.000Z',
  });
  expect(await store.has('logins/allow/net/192.0.2.0/24')).toBe(true);
  await store.set('logins/ban/login/ann', Buffer.from('true'));
  expect(await lists.find('ban', { login: 'ann' })).toEqual({ reason: '', since: '' });
});

test('an entry is deleted, and a reset lifts all bans of an address and a login', async () => {
  const { of, lists } = weakforced();
  const login = 'ann';
  const ip = '192.0.2.1';
  for (const body of [{ ip }, { login }, { ip, login }]) await of.perform('addBLEntry', body);
  expect(await of.perform('delBLEntry', { login })).toEqual({ status: 'ok' });
  expect(await lists.entries('ban')).toHaveLength(2);
  expect(await of.perform('reset', { ip, login })).toEqual({ status: 'ok' });
  expect(await lists.entries('ban')).toEqual([]);
});

test('networks of many lengths, noted at the same time, are all found', async () => {
  const { lists } = weakforced();
  const bits = [8, 12, 16, 20, 24, 28, 32];
  await Promise.all(
    bits.map((length, n) =>
      lists.add('ban', { kind: 'net', net: parseNetmask(`${10 + n}.1.1.1/${length}`)! }, ''),
    ),
  );
  for (const [n] of bits.entries())
    expect(await lists.find('ban', { login: '', address: `${10 + n}.1.1.1` })).toBeDefined();
});

test.each([
  [{}, "'ip', 'netmask' or 'login'"],
  [{ ip: 'localhost' }, 'an IP address'],
  [{ netmask: '192.0.2.0' }, 'such as'],
  [{ netmask: '192.0.2.0/33' }, 'such as'],
  [{ netmask: '192.0.2.0/24', ip: '192.0.2.1' }, 'without'],
  [{ ip: '192.0.2.1', expire_secs: -1 }, 'seconds'],
  [{ ip: '192.0.2.1', expire_secs: 'soon' }, 'seconds'],
])('%j is refused with the reason', async (body, reason) => {
  const { of } = weakforced();
  await expect(of.perform('addBLEntry', body as never)).rejects.toThrow(BadRequest);
  await expect(of.perform('addBLEntry', body as never)).rejects.toThrow(reason);
});

test('without a store there are no lists, but the rest', async () => {
  const of = new Weakforced({ counts: () => COUNTS });
  await expect(of.perform('getBL', {})).rejects.toMatchObject({ status: 501 });
  expect(await of.perform('ping', {})).toEqual({ status: 'ok' });
});

test('a login of any kind can be banned, and no other is', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 2000 }),
      fc.string({ unit: 'binary', maxLength: 2000 }),
      async (login, other) => {
        const { of, lists } = weakforced();
        await of.perform('addBLEntry', { login });
        expect(await lists.find('ban', { login })).toBeDefined();
        if (other !== login) expect(await lists.find('ban', { login: other })).toBeUndefined();
      },
    ),
    {
      numRuns: 50,
      examples: [
        ['\ud800', '\ud801'],
        ['a'.repeat(5000), 'a'.repeat(5001)],
      ],
    },
  );
});

test.each([
  ['192.0.2.77/24', '192.0.2.0/24'],
  ['192.0.2.77/0', '0.0.0.0/0'],
  ['192.0.2.77/31', '192.0.2.76/31'],
  ['2001:db8::1/33', '2001:db8::/33'],
  ['::ffff:192.0.2.1/120', '192.0.2.0/24'],
])('the network of %s is %s', (text, network) => {
  expect(parseNetmask(text)?.text).toBe(network);
});

test.each([
  '192.0.2.1',
  '192.0.2.1/',
  '192.0.2.1/-1',
  '2001:db8::/129',
  'x/8',
  '::ffff:192.0.2.1/90',
])('%s is no network', (text) => {
  expect(parseNetmask(text)).toBeUndefined();
});
