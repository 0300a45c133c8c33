/** What the MTA's end of a connection has to know of the protocol. */

import { type Command, type Reply, SMFIC, SMFIP } from 'net-milter-codec';
import type { MacroStage } from '../policy/macros.ts';

/** How each command is switched off and silenced; those without an entry always go and are answered. */
export const NEGOTIATED_BITS: Partial<
  Record<Command['kind'], { readonly no: number; readonly nr: number }>
> = {
  connect: { no: SMFIP.NOCONNECT, nr: SMFIP.NR_CONN },
  helo: { no: SMFIP.NOHELO, nr: SMFIP.NR_HELO },
  mail: { no: SMFIP.NOMAIL, nr: SMFIP.NR_MAIL },
  rcpt: { no: SMFIP.NORCPT, nr: SMFIP.NR_RCPT },
  data: { no: SMFIP.NODATA, nr: SMFIP.NR_DATA },
  unknown: { no: SMFIP.NOUNKNOWN, nr: SMFIP.NR_UNKN },
  header: { no: SMFIP.NOHDRS, nr: SMFIP.NR_HDR },
  eoh: { no: SMFIP.NOEOH, nr: SMFIP.NR_EOH },
  body: { no: SMFIP.NOBODY, nr: SMFIP.NR_BODY },
};

/** The command that the macros of a stage go with. */
export const COMMAND_OF_STAGE: Readonly<Record<MacroStage, number>> = {
  connect: SMFIC.CONNECT,
  helo: SMFIC.HELO,
  mail: SMFIC.MAIL,
  rcpt: SMFIC.RCPT,
  data: SMFIC.DATA,
  eoh: SMFIC.EOH,
  eom: SMFIC.BODYEOB,
};

/** Replies that end the wait for a message's end. */
export const FINAL_REPLIES: ReadonlySet<Reply['kind']> = new Set([
  'continue',
  'accept',
  'reject',
  'tempfail',
  'discard',
  'replycode',
]);
