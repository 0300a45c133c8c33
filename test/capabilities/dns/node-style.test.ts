import { nodeStyleResolver } from '../../../src/capabilities/dns/node-style.ts';
import { Resolver } from '../../../src/capabilities/dns/resolver.ts';
import { DnsServer, SERVFAIL, zone } from '../../harness/dns-server.ts';

describe("a resolver in the style of Node's", () => {
  let server: DnsServer;
  let resolver: Resolver;

  beforeEach(async () => {
    server = await DnsServer.start(
      zone([
        { name: 'a.test', type: 'A', ttl: 60, data: '192.0.2.1' },
        { name: 'a.test', type: 'MX', ttl: 60, data: { preference: 10, exchange: 'mx.test' } },
        { name: 'a.test', type: 'TXT', ttl: 60, data: ['v=spf1 ', '-all'] },
        { name: 'a.test', type: 'NS', ttl: 60, data: 'ns.test' },
      ]),
    );
    resolver = new Resolver({
      servers: [server.address],
      timeoutMs: 100,
      tries: 1,
      cacheEntries: 10,
    });
  });
  afterEach(async () => {
    resolver.close();
    await server.close();
  });

  test('answers in the same forms', async () => {
    const resolve = nodeStyleResolver(resolver);
    expect(await resolve('a.test')).toEqual(['192.0.2.1']);
    expect(await resolve('a.test', 'MX')).toEqual([{ exchange: 'mx.test', priority: 10 }]);
    expect(await resolve('a.test', 'txt')).toEqual([['v=spf1 -all']]);
    expect(await resolve('a.test', 'NS')).toEqual(['ns.test']);
  });

  test('gives what its caller may change', async () => {
    const resolve = nodeStyleResolver(resolver);
    ((await resolve('a.test')) as string[]).push('changed');
    ((await resolve('a.test', 'MX')) as { priority: number }[])[0]!.priority = 99;
    expect(await resolve('a.test')).toEqual(['192.0.2.1']);
    expect(await resolve('a.test', 'MX')).toEqual([{ exchange: 'mx.test', priority: 10 }]);
  });

  test.each([
    ['missing.test', 'A', 'ENOTFOUND'],
    ['a.test', 'AAAA', 'ENODATA'],
    ['a..test', 'A', 'EBADNAME'],
    ['a.test', 'HINFO', 'ENOTIMP'],
  ])('fails for %s (%s) with %s', async (name, type, code) => {
    await expect(nodeStyleResolver(resolver)(name, type)).rejects.toMatchObject({
      code,
      hostname: name,
      syscall: `query${type}`,
    });
  });

  test('tells failures of the server from silence', async () => {
    server.answering = () => ({ rcode: SERVFAIL });
    await expect(nodeStyleResolver(resolver)('b.test')).rejects.toMatchObject({
      code: 'ESERVFAIL',
    });
    server.answering = () => 'silence';
    await expect(nodeStyleResolver(resolver)('b.test')).rejects.toMatchObject({ code: 'ETIMEOUT' });
    const over = nodeStyleResolver(resolver, AbortSignal.abort());
    await expect(over('b.test')).rejects.toMatchObject({ code: 'ECANCELLED' });
  });
});
