import fc from 'fast-check';
import { BadRequest } from '../../src/auth/bad-request.ts';
import { readAttempt, readOutcome, statedPhase } from '../../src/auth/dovecot-attempt.ts';
import { parseObject } from '../../src/auth/json.ts';
import { dovecotSample, dovecotText } from './samples.ts';

const read = (text: string) => parseObject(Buffer.from(text));

test('an allow of Dovecot 2.3 says who logs in, from where and how', () => {
  const sample = dovecotSample('allow-2.3-imap');
  expect(readAttempt(sample)).toEqual({
    login: 'alice',
    client: { address: '127.0.0.1' },
    protocol: 'imap',
    session: 'q2QN9Ldg1tp/AAAB',
    device: '"name" "Thunderbird" "version" "115.0"',
    passwordHash: '070d',
    attributes: sample,
  });
});

test('behind Postfix there is no session and no device, and they are absent', () => {
  const attempt = readAttempt(dovecotSample('allow-postfix-sasl'));
  expect(attempt).not.toHaveProperty('session');
  expect(attempt).not.toHaveProperty('device');
  expect(attempt.protocol).toBe('smtp');
});

test('a report tells success, and why not where Dovecot 2.4 says so', () => {
  expect(readOutcome(dovecotSample('report-2.3-success'))).toEqual({
    success: true,
    byPolicy: false,
  });
  expect(readOutcome(dovecotSample('report-2.3-failure'))).toEqual({
    success: false,
    byPolicy: false,
  });
  expect(readOutcome(dovecotSample('report-2.4-account'))).toMatchObject({ failure: 'account' });
  expect(readOutcome({ success: 'true', policy_reject: 'yes' })).toEqual({
    success: true,
    byPolicy: true,
  });
  expect(readOutcome({ success: 'false', policy_reject: 'no' })).toEqual({
    success: false,
    byPolicy: false,
  });
  expect(readAttempt(dovecotSample('report-2.3-failure')).tls).toEqual({});
});

test('a whole password hash is cut before anybody sees it', () => {
  const attempt = readAttempt(read(`{"login":"ann","pwhash":"${'0123456789abcdef'.repeat(4)}"}`));
  expect(attempt.passwordHash).toBe('01234567');
  expect(JSON.stringify(attempt)).not.toContain('89abcdef');
});

test.each(['CRAM-MD5', 'SCRAM-SHA-256', 'EXTERNAL'])(
  'with %s the hash is the same for all passwords, so there is none',
  (mech) => {
    const attempt = readAttempt({ login: 'ann', pwhash: '070d', attrs: { mech } });
    expect(attempt).not.toHaveProperty('passwordHash');
  },
);

test('passwords that somebody sends as attributes are not passed on', () => {
  const body = read(
    '{"login":"a","attrs":{"password":"hunter2","Pass":"hunter2","list":[{"passwd":"hunter2"}]}}',
  );
  expect(JSON.stringify(readAttempt(body))).not.toContain('hunter2');
});

test('an address that is mapped into IPv6 is the same as without, and what is none is absent', () => {
  expect(readAttempt({ login: 'a', remote: '::ffff:192.0.2.1' }).client).toEqual({
    address: '192.0.2.1',
  });
  expect(readAttempt({ login: 'a', remote: '2001:DB8:0::1' }).client).toEqual({
    address: '2001:db8::1',
  });
  expect(readAttempt({ login: 'a', remote: 'unix' }).client).toEqual({});
  expect(readAttempt({ login: 'a', remote: '' }).client).toEqual({});
});

test('the phase is what attrs/phase says', () => {
  expect(statedPhase({ attrs: { phase: '' } })).toBe('before');
  expect(statedPhase({ attrs: { phase: 'after' } })).toBe('after');
  expect(statedPhase(dovecotSample('allow-2.4-imap'))).toBeUndefined();
});

test.each([
  ['', 'no JSON'],
  ['{"login":', 'no JSON'],
  ['[]', 'another value'],
  ['null', 'another value'],
  ['{}', "the key 'login'"],
  ['{"login":1}', "the key 'login'"],
  [`{"login":"a","x":${'['.repeat(30_000)}${']'.repeat(30_000)}}`, 'nested at most'],
])('%.20s is refused with the reason', (body, reason) => {
  expect(() => readAttempt(read(body))).toThrow(BadRequest);
  expect(() => readAttempt(read(body))).toThrow(reason);
});

test('bytes that are no UTF-8 are Latin-1', () => {
  const body = parseObject(Buffer.from('{"login":"m\xfcller"}', 'latin1'));
  expect(readAttempt(body).login).toBe('müller');
});

test('nothing that is sent makes it throw anything but its own error', () => {
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map((text) => Buffer.from(text)),
    fc
      .record({
        login: fc.string({ unit: 'binary' }),
        remote: fc.string(),
        pwhash: fc.jsonValue(),
        attrs: fc.jsonValue(),
        success: fc.jsonValue(),
      })
      .map((value) => Buffer.from(JSON.stringify(value))),
  );
  fc.assert(
    fc.property(bodies, (body) => {
      try {
        const parsed = parseObject(body);
        JSON.stringify([readAttempt(parsed), statedPhase(parsed), readOutcome(parsed)]);
      } catch (error) {
        if (!(error instanceof BadRequest)) throw error;
      }
    }),
  );
});

test('a sample is read from bytes as it is from JSON', () => {
  expect(read(dovecotText('allow-2.4-imap'))).toEqual(dovecotSample('allow-2.4-imap'));
});
