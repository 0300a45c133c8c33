import { connectFact } from '../../src/milter/facts.ts';

describe('the address of a client', () => {
  const seen = (family: 'inet' | 'inet6' | 'unix', address: string) =>
    connectFact({ kind: 'connect', hostname: 'mx.example.org', family, port: 25, address }).address;

  test.each([
    ['IPv6:2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8::1', '2001:db8::1'],
    ['IPv6:0:0:0:0:0:0:0:1', '::1'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['fe80::0:1%eth0', 'fe80::0:1%eth0'],
    ['not an address', 'not an address'],
  ])('%s has one spelling: %s', (address, spelling) => {
    expect(seen('inet6', address)).toBe(spelling);
  });

  test('of another family stays as it is', () => {
    expect(seen('inet', '192.0.2.1')).toBe('192.0.2.1');
    expect(seen('unix', '/run/a:b')).toBe('/run/a:b');
  });
});
