import fc from 'fast-check';
import { BadRequest } from '../../src/auth/bad-request.ts';
import { readNginxRequest } from '../../src/auth/nginx-request.ts';
import { nginxRawHeaders } from './samples.ts';

const sample = (name: string) => readNginxRequest(nginxRawHeaders(name));

test('a login is unescaped, and neither its password nor a key of nginx is passed on', () => {
  const asked = sample('imap-plain');
  expect(asked).toEqual({
    kind: 'login',
    method: 'plain',
    attempt: {
      login: 'al%ice x',
      client: { address: '203.0.113.7' },
      protocol: 'imap',
      tries: 2,
      attributes: {
        'Auth-Method': 'plain',
        'Auth-User': 'al%ice x',
        'Auth-Protocol': 'imap',
        'Auth-Login-Attempt': '2',
        'Client-IP': '203.0.113.7',
      },
    },
  });
});

test('neither a digest nor its salt is passed on', () => {
  expect(JSON.stringify(sample('imap-cram-md5'))).not.toMatch(/f9f139|1054365900/);
});

test('what nginx knows of TLS and of the certificate is there', () => {
  expect(sample('imap-tls')).toMatchObject({
    attempt: {
      tls: {
        version: 'TLSv1.2',
        cipher: 'ECDHE-RSA-AES256-GCM-SHA384',
        verify: 'SUCCESS',
        subject: 'O=Test Org,CN=client alice',
        issuer: 'O=Test Org,CN=ca',
        serial: '7DFF',
        fingerprint: '13f190b8',
        certificate: '-----BEGIN CERTIFICATE-----\nMII\n',
      },
    },
  });
});

test('behind the PROXY protocol the attributes tell both ends', () => {
  expect(sample('imap-proxy-protocol')).toMatchObject({
    attempt: { client: { address: '203.0.113.7' }, attributes: { 'Proxy-Protocol-Port': '5555' } },
  });
});

test('without a login it is about a message', () => {
  expect(sample('smtp-none')).toMatchObject({
    kind: 'access',
    request: {
      state: 'RCPT',
      client: { address: '127.0.0.1' },
      helo: 'client.test',
      sender: 'a@x.example',
      recipient: 'bob@test.example',
      size: 100,
    },
  });
  expect(sample('smtp-none')).not.toHaveProperty('request.client.hostname');
});

test.each([
  ['mail FROM:<> BODY=8BITMIME', ''],
  ['MAIL From: <"a>b"@x.example>', '"a>b"@x.example'],
  ['mail from:a@x.example SIZE=1', 'a@x.example'],
  ['mail from', undefined],
])('the sender of %s is %s', (command, sender) => {
  const asked = readNginxRequest(['Auth-Method', 'none', 'Auth-SMTP-From', command]);
  expect(asked).toMatchObject({ request: { state: 'MAIL' } });
  expect(asked.kind === 'access' && asked.request.sender).toBe(sender);
});

test('a login that is no UTF-8 is Latin-1, escaped or not, and a bad escape stays', () => {
  const login = (user: string) => {
    const asked = readNginxRequest(['Auth-Method', 'plain', 'Auth-User', user]);
    return asked.kind === 'login' && asked.attempt.login;
  };
  expect(login('m%FCller')).toBe('müller');
  expect(login('m\xfcller')).toBe('müller');
  expect(login('m%C3%BCller')).toBe('müller');
  expect(login('m\xc3\xbcller')).toBe('müller');
  expect(login('100%')).toBe('100%');
  expect(login('a%0d%0ab')).toBe('a\r\nb');
});

test('any headers at all make a request or its own error, and never show a password', () => {
  const name = fc.constantFrom(
    'Auth-Method',
    'auth-user',
    'Auth-Protocol',
    'Client-IP',
    'Auth-SSL',
    'Auth-SMTP-From',
    'Auth-SMTP-To',
    'Auth-Login-Attempt',
    '__proto__',
    'Auth-Constructor',
  );
  const value = fc.oneof(fc.string(), fc.constantFrom('none', 'plain', 'on', '-1', '1e9'));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(name, value)),
      fc.constantFrom('Auth-Pass', 'AUTH-PASS', 'auth-salt'),
      (headers, pass) => {
        try {
          const asked = readNginxRequest([...headers.flat(), pass, 'geheim-7']);
          expect(JSON.stringify(asked)).not.toContain('geheim-7');
        } catch (error) {
          if (!(error instanceof BadRequest)) throw error;
        }
      },
    ),
  );
});
