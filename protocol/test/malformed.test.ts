import { readCommand, readReply } from './one-packet.ts';
import { failure, outcomeOf } from './outcome.ts';

describe('a command that cannot be understood is refused', () => {
  test.each([
    ['an unknown code', '"z"', 'ERR_MILTER_UNKNOWN_COMMAND packet code 0'],
    [
      'an offer of 11 bytes',
      '"O" 00000006 000001ff 001fff',
      'ERR_MILTER_TRUNCATED SMFIC_OPTNEG version 0',
    ],
    ['macros for nothing', '"D"', 'ERR_MILTER_TRUNCATED SMFIC_MACRO command 0'],
    ['a header name without its NUL', '"LX"', 'ERR_MILTER_UNTERMINATED SMFIC_HEADER name 0'],
    ['no header at all', '"L"', 'ERR_MILTER_UNTERMINATED SMFIC_HEADER name 0'],
    ['a sender without its NUL', '"M<a@b>"', 'ERR_MILTER_UNTERMINATED SMFIC_MAIL address 0'],
    ['no sender at all', '"M"', 'ERR_MILTER_UNTERMINATED SMFIC_MAIL address 0'],
    ['a recipient without its NUL', '"R<a@b>"', 'ERR_MILTER_UNTERMINATED SMFIC_RCPT address 0'],
    ['an argument without its NUL', '"R<a>" 00 "X"', 'ERR_MILTER_UNTERMINATED SMFIC_RCPT args 4'],
    ['a hostname without its NUL', '"Cmx"', 'ERR_MILTER_UNTERMINATED SMFIC_CONNECT hostname 0'],
    ['a client without a family', '"Cmx" 00', 'ERR_MILTER_TRUNCATED SMFIC_CONNECT family 3'],
    ['a client of another family', '"Cmx" 00 "7"', 'ERR_MILTER_FAMILY SMFIC_CONNECT family 3'],
    ['half a port', '"Cmx" 00 "4" 00', 'ERR_MILTER_TRUNCATED SMFIC_CONNECT port 4'],
    [
      'a port without an address',
      '"Cmx" 00 "4" 0000',
      'ERR_MILTER_UNTERMINATED SMFIC_CONNECT address 6',
    ],
    [
      'an address without its NUL',
      '"Cmx" 00 "6" 0000 "::1"',
      'ERR_MILTER_UNTERMINATED SMFIC_CONNECT address 6',
    ],
  ])('%s', (_, wire, outcome) => {
    expect(outcomeOf(() => readCommand(wire))).toBe(outcome);
  });
});

describe('a reply that an MTA would refuse is refused', () => {
  test.each([
    ['an unknown code', '"Z"', 'ERR_MILTER_UNKNOWN_REPLY packet code 0'],
    ['SETSYMLIST as a packet', '"l"', 'ERR_MILTER_UNKNOWN_REPLY packet code 0'],
    ['data after CONTINUE', '"c" 00', 'ERR_MILTER_TRAILING SMFIR_CONTINUE data 0'],
    ['data after PROGRESS', '"px"', 'ERR_MILTER_TRAILING SMFIR_PROGRESS data 0'],
    ['a text without its NUL', '"y550 no"', 'ERR_MILTER_UNTERMINATED SMFIR_REPLYCODE text 0'],
    ['a text with two NULs', '"y550 no" 00 00', 'ERR_MILTER_TRAILING SMFIR_REPLYCODE data 7'],
    ['a header without a value', '"hX" 00', 'ERR_MILTER_UNTERMINATED SMFIR_ADDHEADER value 2'],
    ['bytes after a header', '"hX" 00 "1" 00 "2"', 'ERR_MILTER_TRAILING SMFIR_ADDHEADER data 4'],
    ['half an index', '"i" 0000', 'ERR_MILTER_TRUNCATED SMFIR_INSHEADER index 0'],
    ['an index and no name', '"m" 00000001', 'ERR_MILTER_UNTERMINATED SMFIR_CHGHEADER name 4'],
    [
      'an index, a name and no value',
      '"m" 00000001 "X" 00',
      'ERR_MILTER_UNTERMINATED SMFIR_CHGHEADER value 6',
    ],
    ['a recipient without its NUL', '"+a"', 'ERR_MILTER_UNTERMINATED SMFIR_ADDRCPT address 0'],
    ['bytes after a recipient', '"-a" 00 "b" 00', 'ERR_MILTER_TRAILING SMFIR_DELRCPT data 2'],
    [
      'arguments without their NUL',
      '"2a" 00 "b"',
      'ERR_MILTER_UNTERMINATED SMFIR_ADDRCPT_PAR args 2',
    ],
    ['bytes after arguments', '"ea" 00 "b" 00 00', 'ERR_MILTER_TRAILING SMFIR_CHGFROM data 4'],
    ['no reason', '"q"', 'ERR_MILTER_UNTERMINATED SMFIR_QUARANTINE reason 0'],
    [
      'an answer of 11 bytes',
      '"O" 00000006 000001ff 001fff',
      'ERR_MILTER_TRUNCATED SMFIR_OPTNEG version 0',
    ],
    [
      'half a stage',
      '"O" 00000006 00000000 00000000 0000',
      'ERR_MILTER_TRUNCATED SMFIR_OPTNEG stage 12',
    ],
    [
      'macro names without their NUL',
      '"O" 00000006 00000000 00000000 00000001 "i"',
      'ERR_MILTER_UNTERMINATED SMFIR_OPTNEG names 16',
    ],
  ])('%s', (_, wire, outcome) => {
    expect(outcomeOf(() => readReply(wire))).toBe(outcome);
  });
});

describe('the message of an error', () => {
  test('says where, what was expected and what came', () => {
    expect(failure(() => readCommand('"Cmx" 00 "7"'))).toMatchObject({
      name: 'MilterCodecError',
      message: "SMFIC_CONNECT family, byte 3: expected one of '4', '6', 'L', 'U', got 0x37",
    });
    expect(failure(() => readCommand('"z"')).message).toBe(
      'packet code, byte 0: expected a command, got 0x7a',
    );
    expect(failure(() => readReply('"l"')).message).toBe(
      'packet code, byte 0: expected a reply, got SMFIR_SETSYMLIST',
    );
  });
});
