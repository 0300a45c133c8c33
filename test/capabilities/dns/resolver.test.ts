import { once } from 'node:events';
import type { Answer as Record } from 'dns-packet';
import { type DnsOptions, Resolver } from '../../../src/capabilities/dns/resolver.ts';
import { DnsServer, NXDOMAIN, response, SERVFAIL, soa, zone } from '../../harness/dns-server.ts';
import { freePort } from '../../harness/ports.ts';

const a = (name: string, data: string, ttl = 60): Record => ({ name, type: 'A', ttl, data });
const alias = (name: string, data: string, ttl = 60): Record => ({
  name,
  type: 'CNAME',
  ttl,
  data,
});

/** Long enough that a busy machine does not reach it. */
const PATIENT: Omit<DnsOptions, 'servers'> = { timeoutMs: 5000, tries: 2, cacheEntries: 3 };
const HASTY = { timeoutMs: 80 };

describe('the resolver', () => {
  const open: { close(): unknown }[] = [];
  let nowMs = 1000;

  async function serve(...args: Parameters<typeof DnsServer.start>): Promise<DnsServer> {
    const server = await DnsServer.start(...args);
    open.push(server);
    return server;
  }
  function resolver(
    servers: readonly (DnsServer | string)[],
    options: Partial<DnsOptions> = {},
  ): Resolver {
    const made = new Resolver({
      ...PATIENT,
      servers: servers.map((server) => (typeof server === 'string' ? server : server.address)),
      now: () => nowMs,
      ...options,
    });
    open.push(made);
    return made;
  }
  const records = (...found: string[]) => ({ kind: 'records', records: found });

  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await one.close();
  });

  describe('takes an answer only', () => {
    test('with the id of its question', async () => {
      const server = await serve((_, query) => [
        response({ ...query, id: (query.id! + 1) & 0xffff }, { answers: [a('a.test', '6.6.6.6')] }),
        response(query, { answers: [a('a.test', '192.0.2.1')] }),
      ]);
      expect(await resolver([server]).resolveRecords('a.test', 'A')).toEqual(records('192.0.2.1'));
    });

    test.each([
      ['another name', { name: 'b.test', type: 'A' as const }],
      ['another type', { name: 'a.test', type: 'AAAA' as const }],
    ])('to its question, not to one for %s', async (_, question) => {
      const server = await serve((_, query) => [
        response({ ...query, questions: [question] }, { answers: [a('a.test', '6.6.6.6')] }),
        response({ ...query, questions: [] }, { answers: [a('a.test', '6.6.6.6')] }),
        Buffer.from('short'),
        response(query, { answers: [a('a.test', '192.0.2.1')] }),
      ]);
      expect(await resolver([server]).resolveRecords('a.test', 'A')).toEqual(records('192.0.2.1'));
    });

    test('that is an answer, not its own question sent back', async () => {
      const server = await serve((_, query) => {
        const echo = response(query, { answers: [a('a.test', '6.6.6.6')] });
        echo[2]! &= 0x7f;
        return [echo, response(query, { answers: [a('a.test', '192.0.2.1')] })];
      });
      expect(await resolver([server]).resolveRecords('a.test', 'A')).toEqual(records('192.0.2.1'));
    });

    test('from the server that was asked', async () => {
      const liar = await serve(() => 'silence');
      const server = await serve(async ({ from }, query) => {
        await liar.say(response(query, { answers: [a('a.test', '6.6.6.6')] }), from);
        return { answers: [a('a.test', '192.0.2.1')] };
      });
      expect(await resolver([server]).resolveRecords('a.test', 'A')).toEqual(records('192.0.2.1'));
    });

    test('about the name that was asked, whatever else lies in it', async () => {
      const server = await serve(() => ({
        answers: [a('other.test', '6.6.6.6'), a('A.TEST', '192.0.2.1')],
      }));
      expect(await resolver([server]).resolveRecords('a.test', 'A')).toEqual(records('192.0.2.1'));
    });
  });

  test('asks with another id and from another port each time', async () => {
    const server = await serve(() => ({ rcode: NXDOMAIN }));
    const { asked } = server;
    const asking = resolver([server], { cacheEntries: 0 });
    for (let n = 0; n < 20; n += 1) await asking.resolveRecords('a.test', 'A');
    expect(new Set(asked.map(({ id }) => id)).size).toBeGreaterThan(15);
    expect(new Set(asked.map(({ from }) => from)).size).toBeGreaterThan(10);
  });

  describe('an answer that no datagram holds', () => {
    const texts = Array.from({ length: 40 }, (_, n) => `${n} ${'x'.repeat(200)}`);
    const answers = texts.map(
      (text): Record => ({ name: 'a.test', type: 'TXT', ttl: 60, data: text }),
    );

    test('is fetched over TCP', async () => {
      const server = await serve(({ transport }) =>
        transport === 'udp' ? { truncated: true } : { answers },
      );
      const answer = await resolver([server]).resolveRecords('a.test', 'TXT');
      expect(answer.kind === 'records' && answer.records.map(String)).toEqual(
        texts.map((text) => String(Uint8Array.from(Buffer.from(text)))),
      );
      expect(server.asked.map(({ transport }) => transport)).toEqual(['udp', 'tcp']);
    });

    test('that is truncated over TCP too is broken', async () => {
      const server = await serve(() => ({ truncated: true }));
      await expect(resolver([server]).resolveRecords('a.test', 'TXT')).rejects.toMatchObject({
        code: 'ERR_DNS_SERVER',
        message: expect.stringContaining('a broken answer'),
      });
    });

    test('times out when TCP is silent', async () => {
      const server = await serve(({ transport }) =>
        transport === 'udp' ? { truncated: true } : 'silence',
      );
      const asking = resolver([server], { ...HASTY, tries: 1 });
      await expect(asking.resolveRecords('a.test', 'TXT')).rejects.toMatchObject({
        code: 'ERR_DNS_TIMEOUT',
      });
    });
  });

  test('is not kept by a datagram that decodes to nonsense', async () => {
    const broken = await serve((_, query) => {
      const whole = response(query, { answers: [a('a.test', '192.0.2.1')] });
      return whole.subarray(0, whole.length - 3);
    });
    await expect(resolver([broken]).resolveRecords('a.test', 'A')).rejects.toMatchObject({
      code: 'ERR_DNS_SERVER',
      message: expect.stringContaining('a broken answer'),
    });
  });

  test('asks again without EDNS where a server does not understand it', async () => {
    const server = await serve(({ hasEdns }, query) =>
      hasEdns
        ? response({ ...query, questions: [] }, { rcode: 1 })
        : { answers: [a('a.test', '192.0.2.1')] },
    );
    expect(await resolver([server]).resolveRecords('a.test', 'A')).toEqual(records('192.0.2.1'));
  });

  describe('with several servers', () => {
    const good = zone([a('a.test', '192.0.2.1')]);

    test('turns to the next when one is silent, and begins with that one from then on', async () => {
      const silent = await serve(() => 'silence');
      const server = await serve(good);
      const asking = resolver([silent, server], { timeoutMs: 500 });
      expect(await asking.resolveRecords('a.test', 'A')).toEqual(records('192.0.2.1'));
      expect(await asking.resolveRecords('b.test', 'A')).toEqual({ kind: 'noName' });
      expect(silent.count('a.test')).toBe(1);
      expect(silent.count('b.test')).toBe(0);
    });

    test('turns to the next when one fails or nobody listens there', async () => {
      const failing = await serve(() => ({ rcode: SERVFAIL }));
      const server = await serve(good);
      const asking = resolver([`127.0.0.1:${await freePort()}`, failing, server]);
      expect(await asking.resolveRecords('a.test', 'A')).toEqual(records('192.0.2.1'));
    });

    test('takes "no such name" from the first', async () => {
      const first = await serve(() => ({ rcode: NXDOMAIN }));
      const server = await serve(good);
      expect(await resolver([first, server]).resolveRecords('a.test', 'A')).toEqual({
        kind: 'noName',
      });
      expect(server.asked).toEqual([]);
    });
  });

  test('gives up after its tries', async () => {
    const server = await serve(() => 'silence');
    const asking = resolver([server], { ...HASTY, tries: 3 });
    await expect(asking.resolveRecords('a.test', 'A')).rejects.toMatchObject({
      code: 'ERR_DNS_TIMEOUT',
      message: `dns: no answer for a.test (A) from ${server.address} in 3 tries of 80 ms`,
    });
    expect(server.count('a.test')).toBe(3);
  });

  test('takes an answer of a later try', async () => {
    const server = await serve(() =>
      server.asked.length === 1 ? 'silence' : { answers: [a('a.test', '192.0.2.1')] },
    );
    const asking = resolver([server], { timeoutMs: 500 });
    expect(await asking.resolveRecords('a.test', 'A')).toEqual(records('192.0.2.1'));
  });

  test('asks a server that refused only once', async () => {
    const server = await serve(() => ({ rcode: 5 }));
    await expect(resolver([server]).resolveRecords('a.test', 'A')).rejects.toMatchObject({
      code: 'ERR_DNS_SERVER',
      message: expect.stringContaining('REFUSED'),
    });
    expect(server.count('a.test')).toBe(1);
  });

  describe('follows aliases', () => {
    test('to their end', async () => {
      const server = await serve(
        zone([
          alias('a.test', 'b.test'),
          alias('b.test', 'c.test'),
          a('c.test', '192.0.2.1'),
          alias('d.test', 'missing.test'),
        ]),
      );
      const asking = resolver([server]);
      expect(await asking.resolveRecords('a.test', 'A')).toEqual(records('192.0.2.1'));
      expect(await asking.resolveRecords('a.test', 'CNAME')).toEqual(records('b.test'));
      expect(await asking.resolveRecords('a.test', 'MX')).toEqual({ kind: 'noData' });
      expect(await asking.resolveRecords('d.test', 'A')).toEqual({ kind: 'noName' });
    });

    test('but not for ever', async () => {
      const server = await serve(() => ({
        answers: [alias('a.test', 'b.test'), alias('b.test', 'a.test')],
      }));
      await expect(resolver([server]).resolveRecords('a.test', 'A')).rejects.toMatchObject({
        code: 'ERR_DNS_SERVER',
      });
    });
  });

  describe('keeps an answer', () => {
    async function counted(
      server: DnsServer,
      asking: Resolver,
      afterMs: number,
      name = 'a.test',
    ): Promise<number> {
      nowMs += afterMs;
      await asking.resolveRecords(name, 'A');
      return server.count(name);
    }

    test('for the smallest TTL of its chain', async () => {
      const server = await serve(
        zone([alias('a.test', 'b.test', 30), a('b.test', '192.0.2.1', 300)]),
      );
      const asking = resolver([server]);
      expect(await counted(server, asking, 0)).toBe(1);
      expect(await counted(server, asking, 29_999)).toBe(1);
      expect(await counted(server, asking, 1)).toBe(2);
    });

    test.each([
      ['the minimum of the SOA', soa(40, 3600)],
      ['the TTL of the SOA', soa(3600, 40)],
    ])('that there is none for %s', async (_, authority) => {
      const server = await serve(() => ({ rcode: NXDOMAIN, authorities: [authority] }));
      const asking = resolver([server]);
      expect(await counted(server, asking, 0)).toBe(1);
      expect(await counted(server, asking, 39_999)).toBe(1);
      expect(await counted(server, asking, 1)).toBe(2);
    });

    test.each([
      ['a second where the zone says 0', [a('a.test', '192.0.2.1', 0)], 1000],
      ['a second where the TTL is none', [a('a.test', '192.0.2.1', 0xffffffff)], 1000],
      ['a day where the zone says a year', [a('a.test', '192.0.2.1', 31_536_000)], 86_400_000],
      ['a second where there is none and no SOA', [], 1000],
    ])('for %s', async (_, answers, ms) => {
      const server = await serve(() => ({ answers }));
      const asking = resolver([server]);
      expect(await counted(server, asking, 0)).toBe(1);
      expect(await counted(server, asking, ms - 1)).toBe(1);
      expect(await counted(server, asking, 1)).toBe(2);
    });

    test('until newer ones need its place', async () => {
      const server = await serve(
        zone(['a', 'b', 'c', 'd'].map((n) => a(`${n}.test`, '192.0.2.1'))),
      );
      const asking = resolver([server]);
      for (const name of ['a', 'b', 'c', 'a', 'd'])
        await asking.resolveRecords(`${name}.test`, 'A');
      expect(await counted(server, asking, 0, 'a.test')).toBe(1);
      expect(await counted(server, asking, 0, 'b.test')).toBe(2);
    });

    test('but no failure', async () => {
      const server = await serve(() => ({ rcode: SERVFAIL }));
      const asking = resolver([server]);
      await expect(asking.resolveRecords('a.test', 'A')).rejects.toThrow('SERVFAIL');
      server.answering = zone([a('a.test', '192.0.2.1')]);
      expect(await asking.resolveRecords('a.test', 'A')).toEqual(records('192.0.2.1'));
    });
  });

  describe('asks once for all who want to know at the same time', () => {
    async function held(): Promise<{ server: DnsServer; release: () => void }> {
      const released = Promise.withResolvers<void>();
      const server = await serve(async () => {
        await released.promise;
        return { answers: [a('a.test', '192.0.2.1')] };
      });
      return { server, release: released.resolve };
    }

    test('and tells them all', async () => {
      const { server, release } = await held();
      const asking = resolver([server], { cacheEntries: 0 });
      const all = [1, 2, 3].map(() => asking.resolveRecords('a.test', 'A'));
      await once(server, 'asked');
      release();
      expect(await Promise.all(all)).toEqual([1, 2, 3].map(() => records('192.0.2.1')));
      expect(server.asked).toHaveLength(1);
    });

    test('and goes on for the others when one gives up', async () => {
      const { server, release } = await held();
      const asking = resolver([server]);
      const impatient = new AbortController();
      const first = asking.resolveRecords('a.test', 'A', impatient.signal);
      const second = asking.resolveRecords('a.test', 'A', new AbortController().signal);
      await once(server, 'asked');
      impatient.abort();
      await expect(first).rejects.toMatchObject({ code: 'ERR_ABORTED' });
      release();
      expect(await second).toEqual(records('192.0.2.1'));
    });

    test('and asks nothing for one that has given up already', async () => {
      const { server } = await held();
      await expect(
        resolver([server]).resolveRecords('a.test', 'A', AbortSignal.abort()),
      ).rejects.toMatchObject({ code: 'ERR_ABORTED' });
      expect(server.asked).toEqual([]);
    });
  });

  test('works through more questions than it has sockets, leaving out those that nobody waits for', async () => {
    const released = Promise.withResolvers<void>();
    const server = await serve(async () => {
      await released.promise;
      return { rcode: NXDOMAIN };
    });
    const asking = resolver([server]);
    const wanted = Array.from({ length: 240 }, (_, n) => asking.resolveRecords(`${n}.test`, 'A'));
    const impatient = new AbortController();
    const unwanted = asking.resolveRecords('unwanted.test', 'A', impatient.signal);
    impatient.abort();
    await expect(unwanted).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    while (server.asked.length < 200) await once(server, 'asked');
    expect(server.asked).toHaveLength(200);
    released.resolve();
    await Promise.all(wanted);
    await asking.resolveRecords('last.test', 'A');
    expect(server.asked).toHaveLength(241);
    expect(server.count('unwanted.test')).toBe(0);
  });

  test('lets go of everything when it is closed', async () => {
    const server = await serve(() => 'silence');
    const asking = resolver([server]);
    const waiting = asking.resolveRecords('a.test', 'A');
    await once(server, 'asked');
    asking.close();
    await expect(waiting).rejects.toMatchObject({
      code: 'ERR_DNS_SERVER',
      message: expect.stringContaining('closed'),
    });
    await expect(asking.resolveRecords('b.test', 'A')).rejects.toMatchObject({
      code: 'ERR_DNS_SERVER',
    });
  });

  test('asks over IPv6', async () => {
    const server = await serve(zone([a('a.test', '192.0.2.1')]), '::1');
    const asking = resolver([`[0:0::1]:${server.port}`]);
    expect(await asking.resolveRecords('a.test', 'A')).toEqual(records('192.0.2.1'));
  });
});
