import fc from 'fast-check';
import { type NginxAnswer, NginxAnswerError, nginxHeaders } from '../../src/auth/nginx-answer.ts';
import { refusedLogin, refusedMessage } from '../../src/auth/nginx-refusal.ts';

/** The block as it is sent, with what Node adds. */
function block(answer: NginxAnswer): string {
  const headers = nginxHeaders(answer);
  const lines = Array.from(
    { length: headers.length / 2 },
    (_, n) => `${headers[2 * n]}: ${headers[2 * n + 1]}`,
  );
  return ['HTTP/1.1 200 OK', ...lines, 'Connection: close', 'Content-Length: 0', '', ''].join(
    '\r\n',
  );
}

test('a back end is an address, a port, and perhaps another login', () => {
  expect(nginxHeaders({ kind: 'ok', host: '2001:db8::1', port: 143, user: 'müller' })).toEqual([
    'Auth-Status',
    'OK',
    'Auth-Server',
    '2001:db8::1',
    'Auth-Port',
    '143',
    'Auth-User',
    'm\xc3\xbcller',
  ]);
});

test.each<NginxAnswer>([
  { kind: 'ok', host: 'localhost', port: 143 },
  { kind: 'ok', host: '192.0.2.1', port: 143, user: 'a\r\nAuth-Port: 1' },
  { kind: 'ok', host: '192.0.2.1', port: 143, user: 'u'.repeat(900) },
  { kind: 'ok', host: '192.0.2.1', port: 143, user: '' },
])('a back end that nginx would misunderstand is an error: %j', (answer) => {
  expect(() => nginxHeaders(answer)).toThrow(NginxAnswerError);
});

test('an order to wait always says how long', () => {
  expect(nginxHeaders({ kind: 'wait', seconds: 0 })).toEqual([
    'Auth-Status',
    'WAIT',
    'Auth-Wait',
    '1',
  ]);
});

test.each(['OK', 'WAIT', '', '\r\n', ' OK '])('a refusal of %j is still a refusal', (text) => {
  expect(nginxHeaders({ kind: 'refused', text })).toEqual(['Auth-Status', 'Refused']);
});

test('whatever a filter says, the block is less than 1024 bytes, of whole characters, and breaks no line', () => {
  const line = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 1200 }),
    fc.string({ unit: 'grapheme', maxLength: 1200 }),
    fc.constantFrom('ü'.repeat(980), '😀'.repeat(490), 'a\r\nAuth-Status: OK\r\n'),
  );
  fc.assert(
    fc.property(
      fc.constantFrom('reject' as const, 'tempfail' as const),
      fc.array(line, { minLength: 1, maxLength: 32 }),
      fc.constantFrom('imap', 'pop3', 'smtp', 'other'),
      fc.integer({ min: 0, max: 1_000_000 }),
      (kind, lines, protocol, seconds) => {
        const reply = { code: 550, enhanced: '5.777.777', lines };
        for (const refusal of [refusedLogin(kind, reply, protocol), refusedMessage(kind, reply)]) {
          const sent = block({ kind: 'refused', ...refusal, seconds });
          expect(Buffer.byteLength(sent, 'latin1')).toBeLessThan(1024);
          for (const each of sent.split('\r\n')) expect(each).not.toMatch(/[\r\n\0]/);
          expect(sent.match(/^Auth-Status: /gm)).toHaveLength(1);
          expect(() =>
            new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(sent, 'latin1')),
          ).not.toThrow();
        }
      },
    ),
  );
});

test.each([
  ['imap', 'reject', '[AUTHENTICATIONFAILED] no', undefined],
  ['imap', 'tempfail', '[UNAVAILABLE] no', undefined],
  ['pop3', 'reject', '[AUTH] no', undefined],
  ['pop3', 'tempfail', '[SYS/TEMP] no', undefined],
  ['smtp', 'reject', 'no', '535 5.7.8'],
  ['smtp', 'tempfail', 'no', '454 4.7.0'],
] as const)('over %s a %s reads %s', (protocol, kind, text, code) => {
  const reply = { code: kind === 'reject' ? 550 : 451, lines: ['no'] };
  expect(refusedLogin(kind, reply, protocol)).toEqual({ text, ...(code && { code }) });
});

test('a filter may give codes of its own', () => {
  expect(refusedLogin('reject', { code: 550, lines: ['[LIMIT] too many'] }, 'imap').text).toBe(
    '[LIMIT] too many',
  );
  expect(refusedLogin('reject', { code: 530, enhanced: '5.7.0', lines: ['no'] }, 'smtp').code).toBe(
    '530 5.7.0',
  );
  expect(refusedMessage('reject', { code: 554, enhanced: '5.1.1', lines: ['no'] })).toEqual({
    text: 'no',
    code: '554 5.1.1',
  });
  expect(refusedMessage('tempfail', undefined)).toEqual({
    text: 'Try again later',
    code: '451 4.7.1',
  });
});
