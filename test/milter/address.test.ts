import fc from 'fast-check';
import {
  formatListen,
  type ListenAddress,
  ListenAddressError,
  parseListen,
} from '../../src/milter/address.ts';

const tcp = (port: number, host?: string, ipv6Only = false): ListenAddress => ({
  kind: 'tcp',
  port,
  ipv6Only,
  ...(host !== undefined && { host }),
});

test.each<[string, ListenAddress, string]>([
  ['inet:127.0.0.1:9900', tcp(9900, '127.0.0.1'), 'inet:127.0.0.1:9900'],
  ['inet:9900@127.0.0.1', tcp(9900, '127.0.0.1'), 'inet:127.0.0.1:9900'],
  ['inet:mx.example.org:9900', tcp(9900, 'mx.example.org'), 'inet:mx.example.org:9900'],
  ['inet:9900', tcp(9900), 'inet:9900'],
  ['inet:0', tcp(0), 'inet:0'],
  ['INET:0@localhost', tcp(0, 'localhost'), 'inet:localhost:0'],
  ['inet:[::1]:9900', tcp(9900, '::1'), 'inet:[::1]:9900'],
  ['inet:9900@[::1]', tcp(9900, '::1'), 'inet:[::1]:9900'],
  ['inet6:[::1]:9900', tcp(9900, '::1', true), 'inet6:[::1]:9900'],
  ['inet6:9900@[::1]', tcp(9900, '::1', true), 'inet6:[::1]:9900'],
  ['inet6:9900@::1', tcp(9900, '::1', true), 'inet6:[::1]:9900'],
  ['inet6:9900@[IPv6:2001:db8::1]', tcp(9900, '2001:db8::1', true), 'inet6:[2001:db8::1]:9900'],
  ['inet6:9900', tcp(9900, undefined, true), 'inet6:9900'],
  ['unix:/run/m.sock', { kind: 'unix', path: '/run/m.sock' }, 'unix:/run/m.sock'],
  ['local:/run/m.sock', { kind: 'unix', path: '/run/m.sock' }, 'unix:/run/m.sock'],
  ['/run/m.sock', { kind: 'unix', path: '/run/m.sock' }, 'unix:/run/m.sock'],
  ['unix:m.sock', { kind: 'unix', path: 'm.sock' }, 'unix:m.sock'],
])('%s', (spec, address, formatted) => {
  expect(parseListen(spec)).toEqual(address);
  expect(formatListen(address)).toBe(formatted);
  expect(parseListen(formatted)).toEqual(address);
});

test.each([
  ['', /begins with none/],
  ['9900', /begins with none/],
  ['tcp:127.0.0.1:9900', /begins with none/],
  ['inet:', /'' is not a port/],
  ['inet:host', /'host' is not a port/],
  ['inet:host:', /'' is not a port/],
  ['inet:127.0.0.1:70000', /'70000' is not a port/],
  ['inet:-1', /'-1' is not a port/],
  ['inet:@host', /'' is not a port/],
  ['inet:9900@', /the host is missing/],
  ['inet::9900', /the host is missing/],
  ['inet:[nonsense]:9900', /'nonsense' is not an address/],
  ['inet:a b:9900', /neither an address nor a host name/],
  ['inet6:127.0.0.1:9900', /IPv4 address/],
  ['unix:', /the path is missing/],
  [`unix:/${'x'.repeat(120)}`, /longer than 107 bytes/],
  ['unix:/a\0b', /NUL/],
])('%j is refused', (spec, problem) => {
  expect(() => parseListen(spec)).toThrow(ListenAddressError);
  expect(() => parseListen(spec)).toThrow(problem);
});

test('nothing but its own error comes out', () => {
  const pieces = fc.constantFrom(
    'inet',
    'inet6',
    'unix',
    'local',
    ':',
    '@',
    '[',
    ']',
    '::1',
    '9900',
    '/',
    'a',
    '\0',
  );
  fc.assert(
    fc.property(fc.array(pieces), (parts) => {
      try {
        const address = parseListen(parts.join(''));
        expect(parseListen(formatListen(address))).toEqual(address);
      } catch (error) {
        expect(error).toBeInstanceOf(ListenAddressError);
      }
    }),
  );
});
