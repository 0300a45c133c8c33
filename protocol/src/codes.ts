/**
 * The bytes that say what a packet is: the first byte after the length.
 * Keys are the names of libmilter's headers (mfdef.h) without their prefix.
 */

/** Commands, MTA to filter: `SMFIC.HELO` is libmilter's SMFIC_HELO. */
export const SMFIC = {
  OPTNEG: 0x4f, // 'O' negotiate version, actions and protocol
  MACRO: 0x44, // 'D' define macros for the command that follows; never answered
  CONNECT: 0x43, // 'C'
  HELO: 0x48, // 'H' any number of times
  MAIL: 0x4d, // 'M'
  RCPT: 0x52, // 'R'
  DATA: 0x54, // 'T' since version 4
  HEADER: 0x4c, // 'L'
  EOH: 0x4e, // 'N' end of headers
  BODY: 0x42, // 'B'
  BODYEOB: 0x45, // 'E' end of message
  ABORT: 0x41, // 'A' ends the message, not the connection; never answered
  UNKNOWN: 0x55, // 'U' since version 3
  QUIT: 0x51, // 'Q' never answered
  QUIT_NC: 0x4b, // 'K' since version 6: quit, but a new connection follows on this socket
} as const;

/** Replies, filter to MTA: `SMFIR.CONTINUE` is libmilter's SMFIR_CONTINUE. */
export const SMFIR = {
  OPTNEG: 0x4f, // 'O' SMFIC_OPTNEG sent back
  CONTINUE: 0x63, // 'c'
  ACCEPT: 0x61, // 'a'
  REJECT: 0x72, // 'r'
  TEMPFAIL: 0x74, // 't'
  DISCARD: 0x64, // 'd'
  REPLYCODE: 0x79, // 'y'
  SKIP: 0x73, // 's' since version 6
  PROGRESS: 0x70, // 'p' not final: restarts the MTA's timer
  ADDHEADER: 0x68, // 'h'
  INSHEADER: 0x69, // 'i'
  CHGHEADER: 0x6d, // 'm'
  REPLBODY: 0x62, // 'b'
  ADDRCPT: 0x2b, // '+'
  ADDRCPT_PAR: 0x32, // '2'
  DELRCPT: 0x2d, // '-'
  CHGFROM: 0x65, // 'e'
  QUARANTINE: 0x71, // 'q'
  SHUTDOWN: 0x34, // '4' internal to MTAs: Postfix takes it as 421, Sendmail as an error
  CONN_FAIL: 0x66, // 'f' no MTA handles it
  SETSYMLIST: 0x6c, // 'l' reserved, never on the wire: macro lists travel inside OPTNEG
} as const;

/** Address families in a CONNECT packet (SMFIA_*). */
export const SMFIA = {
  UNKNOWN: 0x55, // 'U' nothing follows
  UNIX: 0x4c, // 'L' port 0 and a path
  INET: 0x34, // '4'
  INET6: 0x36, // '6'
} as const;

const COMMAND_NAMES = namesByCode(SMFIC, 'SMFIC_');
const REPLY_NAMES = namesByCode(SMFIR, 'SMFIR_');

/** `SMFIC_HELO` for 0x48; for a byte that is no command, its hex form: `0x7a`. */
export function commandName(code: number): string {
  return COMMAND_NAMES.get(code) ?? hexByte(code);
}

/** `SMFIR_CONTINUE` for 0x63; for a byte that is no reply, its hex form: `0x7a`. */
export function replyName(code: number): string {
  return REPLY_NAMES.get(code) ?? hexByte(code);
}

function namesByCode(codes: Readonly<Record<string, number>>, prefix: string): Map<number, string> {
  return new Map(Object.entries(codes).map(([name, code]) => [code, prefix + name]));
}

function hexByte(code: number): string {
  return `0x${code.toString(16).padStart(2, '0')}`;
}
