import type { Answer } from 'dns-packet';
import { DnsCapability } from '../../../src/capabilities/dns/dns.ts';
import { DnsServer, SERVFAIL, zone } from '../../harness/dns-server.ts';

const listed = (name: string, ...addresses: string[]): Answer[] =>
  addresses.map((data) => ({ name, type: 'A', ttl: 60, data }));

const SIX = '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2';

const RECORDS: readonly Answer[] = [
  ...listed('2.0.0.127.list.test', '127.0.0.2', '127.0.0.10'),
  { name: '2.0.0.127.list.test', type: 'TXT', ttl: 60, data: ['https://list.test/', '127.0.0.2'] },
  ...listed(`${SIX}.list.test`, '127.0.0.4'),
  ...listed('3.0.0.127.list.test', '203.0.113.80'),
  ...listed('4.0.0.127.list.test', '203.0.113.80', '127.0.0.4'),
  ...listed('5.0.0.127.list.test', '127.255.255.254'),
  ...listed('6.0.0.127.list.test', '127.0.0.2', '127.255.255.252'),
];

describe('a DNS block list', () => {
  const { signal } = new AbortController();
  let server: DnsServer;
  let dns: DnsCapability;
  const look = (address: string) => dns.perform('list', ['List.Test.', address], { signal });

  beforeEach(async () => {
    server = await DnsServer.start(zone(RECORDS));
    const servers = [server.address];
    dns = new DnsCapability({ servers, timeoutMs: 2000, tries: 1, cacheEntries: 100 });
  });
  afterEach(async () => {
    dns.close();
    await server.close();
  });

  test('tells where an address is listed, and why', async () => {
    expect(await look('127.0.0.2')).toEqual({
      listed: true,
      addresses: ['127.0.0.2', '127.0.0.10'],
      reasons: ['https://list.test/127.0.0.2'],
    });
  });

  test('is asked for IPv6 addresses by their nibbles, and for IPv4 in disguise as such', async () => {
    expect(await look('2001:DB8::1')).toEqual({
      listed: true,
      addresses: ['127.0.0.4'],
      reasons: [],
    });
    expect(await look('::ffff:127.0.0.2')).toMatchObject({ listed: true });
  });

  test('that has no such address gives null, and is not asked for reasons', async () => {
    expect(await look('127.0.0.1')).toBeNull();
    expect(server.asked.map(({ type }) => type)).toEqual(['A']);
  });

  test('that does not exist any more, and whose names lead to a web page, lists nothing', async () => {
    expect(await look('127.0.0.3')).toBeNull();
    expect(await look('127.0.0.4')).toMatchObject({ addresses: ['127.0.0.4'] });
  });

  test.each(['127.0.0.5', '127.0.0.6'])(
    'that refuses this resolver is an error, not a listing (%s)',
    async (address) => {
      await expect(look(address)).rejects.toMatchObject({
        code: 'ERR_DNS_LIST',
        message: expect.stringMatching(
          /^dns\.list: list\.test refuses to answer this resolver \(127\.255\.255\.25[24]\); /,
        ),
      });
    },
  );

  test('that fails to give its reasons still lists', async () => {
    const answering = server.answering;
    server.answering = (asked, query) =>
      asked.type === 'TXT' ? { rcode: SERVFAIL } : answering(asked, query);
    expect(await look('127.0.0.2')).toMatchObject({ listed: true, reasons: [] });
  });

  test('that fails is an error, not "not listed"', async () => {
    server.answering = () => ({ rcode: SERVFAIL });
    await expect(look('127.0.0.2')).rejects.toMatchObject({ code: 'ERR_DNS_SERVER' });
  });
});
