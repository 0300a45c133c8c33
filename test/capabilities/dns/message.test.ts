import { type Answer, decode } from 'dns-packet';
import fc from 'fast-check';
import { makeQuery, readReply } from '../../../src/capabilities/dns/message.ts';
import { RECORD_TYPES } from '../../../src/capabilities/dns/records.ts';
import { response, soa } from '../../harness/dns-server.ts';

const ANSWERS: readonly Answer[] = [
  { name: 'a.test', type: 'CNAME', ttl: 60, data: 'b.test' },
  { name: 'b.test', type: 'A', ttl: 60, data: '192.0.2.1' },
  { name: 'b.test', type: 'AAAA', ttl: 60, data: '2001:db8::1' },
  { name: 'b.test', type: 'MX', ttl: 60, data: { preference: 1, exchange: 'mx.test' } },
  { name: 'b.test', type: 'TXT', ttl: 60, data: ['one', 'two'] },
  { name: 'b.test', type: 'PTR', ttl: 60, data: 'ptr.test' },
  { name: 'b.test', type: 'NS', ttl: 60, data: 'ns.test' },
];

describe('reading an answer', () => {
  test('never throws, whatever became of the bytes', () => {
    const change = fc.tuple(fc.nat(), fc.nat(255));
    fc.assert(
      fc.property(
        fc.constantFrom(...RECORD_TYPES),
        fc.array(change, { maxLength: 6 }),
        fc.nat(),
        (type, changes, cut) => {
          const query = makeQuery({ name: 'a.test', type }, { edns: true });
          const answers = ANSWERS.map((answer) => structuredClone(answer));
          const whole = response(decode(query.bytes), { answers, authorities: [soa(60)] });
          for (const [at, value] of changes) whole[at % whole.length] = value;
          const bytes = whole.subarray(0, cut % 4 === 0 ? cut % whole.length : whole.length);
          expect(readReply(query, bytes)).toHaveProperty('kind');
        },
      ),
      { numRuns: 3000 },
    );
  });

  test.each(RECORD_TYPES)('finds the %s records of its question', (type) => {
    const query = makeQuery({ name: 'b.test', type }, { edns: false });
    const answers = ANSWERS.map((answer) => structuredClone(answer));
    const reply = readReply(query, response(decode(query.bytes), { answers }));
    const isThere = type !== 'CNAME';
    expect(reply).toMatchObject({
      kind: 'answer',
      found: { answer: { kind: isThere ? 'records' : 'noData' }, ttlSeconds: isThere ? 60 : 0 },
    });
  });
});
