import { encodeReplies, encodeReply, MILTER_CHUNK_SIZE, type Reply } from '../src/index.ts';
import { failure, outcomeOf } from './outcome.ts';

const optneg = { kind: 'optneg', version: 6, actions: 0, protocol: 0 } as const;
const tooMuch = Buffer.alloc(MILTER_CHUNK_SIZE + 1);

describe('a reply that the wire cannot hold or MTAs refuse is refused', () => {
  const args = 'a\0b';
  const cases: [title: string, reply: Reply, outcome: string][] = [
    [
      'a NUL in a header',
      { kind: 'addheader', name: 'X', value: '\0' },
      'ERR_MILTER_NUL SMFIR_ADDHEADER value 0',
    ],
    [
      'a header without a name',
      { kind: 'addheader', name: '', value: '' },
      'ERR_MILTER_EMPTY_STRING SMFIR_ADDHEADER name 0',
    ],
    [
      'a NUL in an inserted header',
      { kind: 'insheader', index: 0, name: '\0', value: '' },
      'ERR_MILTER_NUL SMFIR_INSHEADER name 0',
    ],
    [
      'an index below 0',
      { kind: 'insheader', index: -1, name: 'X', value: '' },
      'ERR_MILTER_NUMBER SMFIR_INSHEADER index 0',
    ],
    [
      'an index over 32 bits',
      { kind: 'chgheader', index: 2 ** 32, name: 'X', value: '' },
      'ERR_MILTER_NUMBER SMFIR_CHGHEADER index 0',
    ],
    [
      'text that is not bytes',
      { kind: 'chgheader', index: 1, name: 'X', value: '\u20ac' },
      'ERR_MILTER_NOT_BYTES SMFIR_CHGHEADER value 0',
    ],
    [
      'a long chunk',
      { kind: 'replbody', chunk: tooMuch },
      'ERR_MILTER_CHUNK_TOO_BIG SMFIR_REPLBODY chunk 65535',
    ],
    [
      'a recipient without an address',
      { kind: 'addrcpt', address: '' },
      'ERR_MILTER_EMPTY_STRING SMFIR_ADDRCPT address 0',
    ],
    [
      'an empty address',
      { kind: 'addrcptPar', address: '' },
      'ERR_MILTER_EMPTY_STRING SMFIR_ADDRCPT_PAR address 0',
    ],
    [
      'a NUL in arguments',
      { kind: 'addrcptPar', address: 'a', args },
      'ERR_MILTER_NUL SMFIR_ADDRCPT_PAR args 1',
    ],
    [
      'a deletion of nobody',
      { kind: 'delrcpt', address: '' },
      'ERR_MILTER_EMPTY_STRING SMFIR_DELRCPT address 0',
    ],
    [
      'the null sender without brackets',
      { kind: 'chgfrom', address: '' },
      'ERR_MILTER_EMPTY_STRING SMFIR_CHGFROM address 0',
    ],
    [
      'a quarantine without a reason',
      { kind: 'quarantine', reason: '' },
      'ERR_MILTER_EMPTY_STRING SMFIR_QUARANTINE reason 0',
    ],
    [
      'a reply without a code',
      { kind: 'replycode', text: 'no' },
      'ERR_MILTER_REPLYCODE SMFIR_REPLYCODE text 0',
    ],
    [
      'a reply with only a code',
      { kind: 'replycode', text: '550' },
      'ERR_MILTER_REPLYCODE SMFIR_REPLYCODE text 0',
    ],
    [
      'a reply that agrees',
      { kind: 'replycode', text: '250 ok' },
      'ERR_MILTER_REPLYCODE SMFIR_REPLYCODE text 0',
    ],
    [
      'a NUL in a reply',
      { kind: 'replycode', text: '550 \0' },
      'ERR_MILTER_NUL SMFIR_REPLYCODE text 4',
    ],
    ['signed actions', { ...optneg, actions: -1 }, 'ERR_MILTER_NUMBER SMFIR_OPTNEG actions 0'],
    [
      'a stage that is no number',
      { ...optneg, macros: [{ stage: Number.NaN, names: [] }] },
      'ERR_MILTER_NUMBER SMFIR_OPTNEG stage 0',
    ],
    [
      'two macro names as one',
      { ...optneg, macros: [{ stage: 0, names: ['i j'] }] },
      'ERR_MILTER_MACRO SMFIR_OPTNEG names 0',
    ],
    [
      'an empty macro name',
      { ...optneg, macros: [{ stage: 0, names: [''] }] },
      'ERR_MILTER_MACRO SMFIR_OPTNEG names 0',
    ],
    [
      'a NUL in a macro name',
      { ...optneg, macros: [{ stage: 0, names: ['\0'] }] },
      'ERR_MILTER_NUL SMFIR_OPTNEG names 0',
    ],
  ];
  test.each(cases)('%s', (_, reply, outcome) => {
    expect(outcomeOf(() => encodeReply(reply))).toBe(outcome);
    expect(outcomeOf(() => encodeReplies([{ kind: 'progress' }, reply]))).toBe(outcome);
  });

  test('a kind that does not exist', () => {
    for (const kind of ['continu', 'toString']) {
      expect(() => encodeReply({ kind } as never)).toThrow(TypeError);
      expect(() => encodeReplies([{ kind }, { kind }] as never)).toThrow(TypeError);
    }
  });
});

describe('the message of a refusal', () => {
  test('says which character is no byte, and where', () => {
    expect(failure(() => encodeReply({ kind: 'quarantine', reason: 'ab\u0159' })).message).toBe(
      'SMFIR_QUARANTINE reason, byte 2: expected one byte a character (see encodeText), got U+0159',
    );
  });
});
