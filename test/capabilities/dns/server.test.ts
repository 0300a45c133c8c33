import { getServers } from 'node:dns';
import { dnsServers, parseDnsServer } from '../../../src/capabilities/dns/server.ts';

describe('a DNS server', () => {
  test.each([
    ['127.0.0.1', { address: '127.0.0.1', port: 53 }],
    ['127.0.0.1:5353', { address: '127.0.0.1', port: 5353 }],
    ['::1', { address: '::1', port: 53 }],
    ['[::1]', { address: '::1', port: 53 }],
    ['[fe80::1%eth0]:53', { address: 'fe80::1%eth0', port: 53 }],
  ])('may be written as %s', (text, server) => {
    expect(parseDnsServer(text)).toEqual(server);
  });

  test.each([
    '',
    'dns.test',
    '127.0.0.1:0',
    '127.0.0.1:65536',
    '127.0.0.1:',
    '[127.0.0.1]:53',
    '1.2.3',
  ])('is not %p', (text) => {
    expect(() => dnsServers([text])).toThrow(/^DNS server .*: expected an address such as/);
  });

  test("is the system's where none is named", () => {
    expect(dnsServers(undefined)).toHaveLength(getServers().length);
    expect(dnsServers([])).toEqual(dnsServers(undefined));
  });
});
