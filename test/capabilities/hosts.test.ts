import { canonicalHost, HostList, refusal } from '../../src/capabilities/hosts.ts';
import { isSpecialAddress } from '../../src/capabilities/special-addresses.ts';

/** The way to a URL's host. `leadsTo`: the addresses of its name. */
function way(entries: readonly string[], text: string, ...leadsTo: string[]) {
  const url = new URL(text);
  const host = canonicalHost(url.hostname)!;
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  return new HostList(entries).findWay({ host, port }, async () =>
    leadsTo.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
  );
}

const PUBLIC = '198.41.0.4';
const open = (...addresses: string[]) => ({
  kind: 'open',
  addresses: addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
});

describe('a list of hosts', () => {
  test('opens the way to a listed name, on any port or on the one that is named', async () => {
    expect(await way(['api.test'], 'https://api.test/x', PUBLIC)).toEqual(open(PUBLIC));
    expect(await way(['api.test'], 'http://api.test:8080/', PUBLIC)).toEqual(open(PUBLIC));
    expect(await way(['api.test:8443'], 'https://api.test:8443/', PUBLIC)).toEqual(open(PUBLIC));
    expect(await way(['api.test:443'], 'https://api.test/', PUBLIC)).toEqual(open(PUBLIC));
  });

  test.each([
    [[], 'https://api.test/'],
    [['api.test'], 'https://evil.test/'],
    [['api.test'], 'https://sub.api.test/'],
    [['api.test'], 'https://api.test.evil.test/'],
    [['api.test'], 'https://xapi.test/'],
    [['api.test:8443'], 'https://api.test/'],
    [['api.test:443'], 'http://api.test/'],
    [['api.test'], 'https://api.test@evil.test/'],
    [['api.test'], 'https://api.test:443@evil.test/'],
    [['api.test'], 'https://evil.test/#@api.test/'],
    [['api.test'], 'https://evil.test\\@api.test/'],
    [['api.test'], `http://${PUBLIC}/`],
    [['10.0.0.0/8'], 'http://10.0.0.1/'],
    [['0.0.0.0/0', '::/0'], 'http://api.test/'],
    [['localhost'], 'http://127.0.0.1/'],
    [['127.0.0.1'], 'http://localhost/'],
    [['127.0.0.1'], 'http://[::ffff:127.0.0.1]/'],
    [['127.0.0.1'], 'http://[::1]/'],
    [['127.0.0.1'], 'http://[64:ff9b::7f00:1]/'],
    [['[::1]:80'], 'http://[::1]:81/'],
  ])('%j is closed to %s', async (entries, url) => {
    expect(await way(entries, url, PUBLIC)).toEqual({ kind: 'unlisted' });
  });

  test('looks up no name that is not listed', async () => {
    const lookUp = jest.fn(async () => [{ address: PUBLIC, family: 4 }]);
    await new HostList(['a.test']).findWay({ host: 'secret.evil.test', port: 80 }, lookUp);
    expect(lookUp).not.toHaveBeenCalled();
  });

  test.each([
    ['API.Test', 'https://api.test/'],
    ['api.test', 'https://API.TEST./'],
    ['api.test.', 'https://api.test/'],
    ['bücher.test', 'https://xn--bcher-kva.test/'],
    ['api.test', 'https://ａｐｉ。test/'],
    ['api.test', 'https://%61pi.test/'],
    ['api.test', 'https://user:secret@api.test/'],
  ])('%s is open to %s', async (entry, url) => {
    expect(await way([entry], url, PUBLIC)).toEqual(open(PUBLIC));
  });

  test.each([
    ['127.0.0.1', 'http://127.0.0.1/'],
    ['127.0.0.1:80', 'http://0x7f.1/'],
    ['127.0.0.1', 'http://2130706433/'],
    ['127.0.0.1', 'http://0177.0.0.01./'],
    ['127.0.0.1', 'http://１２７.0.0.1/'],
    ['0x7f.1', 'http://127.0.0.1/'],
    ['[::1]:80', 'http://[0:0::1]/'],
    ['::1', 'http://[::1]:8080/'],
    ['FD00::1', 'http://[fd00:0::1]/'],
  ])('%s is the address of %s, however it is spelled', async (entry, url) => {
    expect(await way([entry], url)).toMatchObject({ kind: 'open' });
  });

  describe('lets a listed name lead to', () => {
    test('no address inside', async () => {
      expect(await way(['api.test'], 'http://api.test/', '10.0.0.1', '::1')).toEqual({
        kind: 'special',
        address: '10.0.0.1',
      });
    });

    test('the public ones of its addresses only', async () => {
      expect(await way(['api.test'], 'http://api.test/', '127.0.0.1', PUBLIC, '::1')).toEqual(
        open(PUBLIC),
      );
    });

    test.each([
      ['an address that is listed', '10.0.0.1', '10.0.0.1'],
      ['an address that is listed with this port', '10.0.0.1:80', '10.0.0.1'],
      ['an IPv6 address that is listed', '[FD00::1]', 'fd00:0::1'],
      ['a range that is listed', '10.0.0.0/8', '10.255.0.1'],
      ['an IPv6 range that is listed', 'fd00::/8', 'fdff::1'],
    ])('%s', async (_, entry, address) => {
      expect(await way(['api.test', entry], 'http://api.test/', address)).toEqual(open(address));
    });

    test.each([
      ['the address listed with another port', '10.0.0.1:81', '10.0.0.1'],
      ['the neighbour of a range', '10.0.0.0/9', '10.128.0.0'],
      ['an IPv6 form of an address in a listed range', '10.0.0.0/8', '::ffff:10.0.0.1'],
      ['an IPv4 address where its IPv6 forms are listed', '::ffff:0:0/96', '10.0.0.1'],
      ['an address with a zone', 'fe80::/10', 'fe80::1%lo'],
      ['nonsense', '0.0.0.0/0', '0x7f.1'],
    ])('not to %s', async (_, entry, address) => {
      expect(await way(['api.test', entry], 'http://api.test/', address)).toMatchObject({
        kind: 'special',
      });
    });
  });

  test('lets localhost lead to loopback, and to nothing else inside', async () => {
    expect(await way(['localhost'], 'http://localhost/', '::1', '127.0.0.1')).toEqual(
      open('::1', '127.0.0.1'),
    );
    expect(await way(['localhost'], 'http://localhost/', '10.0.0.1')).toMatchObject({
      kind: 'special',
    });
    expect(await way(['x.localhost'], 'http://x.localhost/', '127.0.0.1')).toMatchObject({
      kind: 'special',
    });
  });

  test('knows names that lead nowhere', async () => {
    expect(await way(['a.test'], 'http://a.test/')).toEqual({
      kind: 'unknownHost',
      why: 'ENOTFOUND',
    });
    const failing = () => Promise.reject(Object.assign(new Error(), { code: 'EAI_AGAIN' }));
    expect(await new HostList(['a.test']).findWay({ host: 'a.test', port: 80 }, failing)).toEqual({
      kind: 'unknownHost',
      why: 'EAI_AGAIN',
    });
  });

  test.each([
    '',
    'https://api.test',
    'api.test/',
    'api.test:0',
    'api.test:65536',
    'user@api.test',
    'a b',
    'x'.repeat(254),
    '10.0.0.0/33',
    'fd00::/129',
    'api.test/8',
    '[::1',
    'fe80::1%eth0',
    '1.2.3.4.5',
  ])('cannot hold %p', (entry) => {
    expect(() => new HostList([entry])).toThrow(/^options\.http: .* is no host; expected/);
  });

  test('says how to open a closed way', () => {
    const destination = { host: 'fd00::1', port: 80 };
    expect(refusal('ERR_X', 'call', destination, { kind: 'unlisted' })).toMatchObject({
      code: 'ERR_X',
      message:
        "call: this filter may not talk to [fd00::1]:80; to allow it, write options.http: ['[fd00::1]:80'] in the filter",
    });
    const name = { host: 'a.test', port: 443 };
    expect(
      refusal('ERR_X', 'call', name, { kind: 'special', address: '10.0.0.1' }).message,
    ).toContain(
      "a.test leads to 10.0.0.1, which is no public address; to allow it, write options.http: ['a.test:443', '10.0.0.1:443']",
    );
  });
});

describe('an address is not public when it is', () => {
  test.each([
    ['unspecified', '0.0.0.0', '::'],
    ['of this network', '0.1.2.3', '::1:2'],
    ['private', '10.0.0.1', 'fd00::1'],
    ['private', '172.31.255.255', 'fc00::1'],
    ['private', '192.168.0.1', 'fec0::1'],
    ['loopback', '127.255.0.1', '::1'],
    ['link-local', '169.254.169.254', 'fe80::1'],
    ['shared by the customers of a provider', '100.64.0.1', '100.127.255.255'],
    ['for documentation', '192.0.2.1', '2001:db8::1'],
    ['for documentation', '198.51.100.1', '3fff::1'],
    ['for documentation or benchmarks', '203.0.113.1', '198.19.0.1'],
    ['multicast', '224.0.0.1', 'ff02::1'],
    ['reserved', '240.0.0.1', '4000::1'],
    ['broadcast', '255.255.255.255', '192.88.99.1'],
    ['IPv4 in disguise', '::ffff:8.8.8.8', '::ffff:0808:0808'],
    ['IPv4 in disguise', '::8.8.8.8', '::ffff:0:8.8.8.8'],
    ['IPv4 behind NAT64 or 6to4', '64:ff9b::8.8.8.8', '2002:808:808::1'],
    ['IPv4 behind Teredo or local NAT64', '2001::1', '64:ff9b:1::1'],
    ['none', 'example.test', ''],
  ])('%s (%s, %s)', (_, one, other) => {
    expect([isSpecialAddress(one), isSpecialAddress(other)]).toEqual([true, true]);
  });

  test.each([
    '8.8.8.8',
    '100.63.255.255',
    '172.32.0.1',
    '2606:4700::1',
    '2a00::1',
    '2001:4860::8888',
  ])('something else (%s is public)', (address) => {
    expect(isSpecialAddress(address)).toBe(false);
  });
});
