import { accessRequest } from '../../../src/auth/postfix/request.ts';

/** As Postfix 3.7 sends it at RCPT, to a client that said little. */
const RCPT = {
  request: 'smtpd_access_policy',
  protocol_state: 'RCPT',
  protocol_name: 'ESMTP',
  client_address: '192.0.2.7',
  client_name: 'unknown',
  client_port: '40612',
  reverse_client_name: 'unknown',
  server_address: '192.0.2.1',
  server_port: '25',
  helo_name: 'client.example.org',
  sender: '',
  recipient: 'ann@example.com',
  recipient_count: '0',
  queue_id: '',
  instance: '78f8.6b007aac.5116.0',
  size: '0',
  etrn_domain: '',
  stress: '',
  sasl_method: '',
  sasl_username: '',
  sasl_sender: '',
  ccert_subject: '',
  ccert_issuer: '',
  ccert_fingerprint: '',
  ccert_pubkey_fingerprint: '',
  encryption_protocol: '',
  encryption_cipher: '',
  encryption_keysize: '0',
  policy_context: '',
};

const request = (more: Record<string, string> = {}) =>
  accessRequest(new Map(Object.entries({ ...RCPT, ...more })));

test('what Postfix does not know is absent, and the null sender is not unknown', () => {
  const { attributes, ...fields } = request();
  expect(fields).toStrictEqual({
    state: 'RCPT',
    client: { address: '192.0.2.7', port: 40_612 },
    helo: 'client.example.org',
    sender: '',
    recipient: 'ann@example.com',
    instance: '78f8.6b007aac.5116.0',
  });
  expect(attributes).toStrictEqual(RCPT);
});

test('what Postfix knows has its name and its type', () => {
  const { attributes: _, ...fields } = request({
    protocol_state: 'END-OF-MESSAGE',
    client_name: 'client.example.org',
    sender: 'bob@example.org',
    recipient: '',
    recipient_count: '2',
    queue_id: '05BDA21E078',
    size: '18',
    sasl_method: 'PLAIN',
    sasl_username: 'bob',
    sasl_sender: 'rob',
    encryption_protocol: 'TLSv1.3',
    encryption_cipher: 'TLS_AES_256_GCM_SHA384',
    encryption_keysize: '256',
    ccert_subject: 'Wietse+20Venema',
    ccert_issuer: 'Z+C3+BCrich+2B',
    ccert_fingerprint: 'C2:9D:F4',
  });
  expect(fields).toStrictEqual({
    state: 'END-OF-MESSAGE',
    client: { address: '192.0.2.7', hostname: 'client.example.org', port: 40_612 },
    helo: 'client.example.org',
    sender: 'bob@example.org',
    recipientCount: 2,
    queueId: '05BDA21E078',
    instance: '78f8.6b007aac.5116.0',
    size: 18,
    auth: { type: 'PLAIN', user: 'bob', author: 'rob' },
    tls: {
      version: 'TLSv1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      bits: 256,
      subject: 'Wietse Venema',
      issuer: 'Zürich+',
      fingerprint: 'C2:9D:F4',
    },
  });
});

test.each(['CONNECT', 'EHLO', 'HELO', 'VRFY', 'ETRN'])(
  'at %s there is no sender, so an empty one is unknown',
  (protocol_state) => {
    expect(request({ protocol_state })).not.toHaveProperty('sender');
    expect(request({ protocol_state, sender: 'a@example.org' }).sender).toBe('a@example.org');
  },
);

test('an attribute that did not come is absent', () => {
  expect(accessRequest(new Map([['request', 'smtpd_access_policy']]))).toStrictEqual({
    state: '',
    client: {},
    attributes: { request: 'smtpd_access_policy' },
  });
});

test('a size of 0 is what came at the end of the message, and nothing before', () => {
  expect(request({ protocol_state: 'END-OF-MESSAGE', size: '0' }).size).toBe(0);
  expect(request({ protocol_state: 'DATA', size: '0' })).not.toHaveProperty('size');
  expect(request({ size: '1000' }).size).toBe(1000);
});

test.each(['', 'unknown', '-1', '1e3', '0x10', ' 25', '9'.repeat(20), '2.5'])(
  'a port of %j is none',
  (client_port) => {
    expect(request({ client_port }).client).not.toHaveProperty('port');
  },
);

test('IPv6 addresses have one spelling, and `unknown` is no address', () => {
  const address = (client_address: string) => request({ client_address }).client.address;
  expect(address('2001:DB8:0:0:0:0:0:7')).toBe('2001:db8::7');
  expect(address('fe80::1%eth0')).toBe('fe80::1%eth0');
  expect(address('unknown')).toBeUndefined();
});

test('a name without a method is still a login', () => {
  expect(request({ sasl_username: 'bob' }).auth).toStrictEqual({ type: 'unknown', user: 'bob' });
});

test('what is no xtext stays as it is', () => {
  expect(request({ ccert_subject: 'a+b' }).tls).toStrictEqual({ subject: 'a+b' });
});

test('a name of JavaScript is an attribute as any other', () => {
  const { attributes } = request({ ['__proto__']: 'x' });
  expect(Object.getOwnPropertyNames(attributes)).toContain('__proto__');
  expect(Object.getPrototypeOf(attributes)).toBe(Object.prototype);
});
