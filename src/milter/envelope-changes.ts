/** Changes of sender and recipients as replies. */

import { encodeText, type Reply } from 'net-milter-codec';
import type { Modification } from '../policy/modification.ts';
import { ModificationError, type ModificationPlace } from './modification-error.ts';

type SetSender = Extract<Modification, { kind: 'setSender' }>;
type AddRecipient = Extract<Modification, { kind: 'addRecipient' }>;
type DeleteRecipient = Extract<Modification, { kind: 'deleteRecipient' }>;

/** Arguments of MAIL that say how a message is to be delivered. */
const OF_DELIVERY = /^(?:BODY|ENVID|RET)=/i;

/**
 * CHGFROM. The null sender is `<>`: Sendmail takes an empty address for a broken packet.
 * `forgotten` are arguments of MAIL (latin1) that the MTA forgets when it gets others.
 */
export function senderReply(
  at: ModificationPlace<SetSender>,
  forgotten: readonly string[] = [],
): Reply {
  const { address, args } = at.modification;
  const names = new Set(args.map(nameOfArg));
  const kept = forgotten.filter((arg) => OF_DELIVERY.test(arg) && !names.has(nameOfArg(arg)));
  return {
    kind: 'chgfrom',
    address: `<${checkedAddress(at, address)}>`,
    ...(args.length > 0 && { args: [...kept, joinedArgs(at, args)].join(' ') }),
  };
}

function nameOfArg(arg: string): string {
  return arg.split('=', 1)[0]!.toUpperCase();
}

/** ADDRCPT, or ADDRCPT_PAR where there are arguments. */
export function addedRecipientReply(at: ModificationPlace<AddRecipient>): Reply {
  const { args } = at.modification;
  const bare = checkedAddress(at, at.modification.address);
  if (bare === '')
    throw new ModificationError('ERR_MODIFICATION_ADDRESS', at, 'the address is empty');
  const address = `<${bare}>`;
  return args.length === 0
    ? { kind: 'addrcpt', address }
    : { kind: 'addrcptPar', address, args: joinedArgs(at, args) };
}

/**
 * DELRCPT, with the exact strings of the RCPT commands (`recipients`, latin1): MTAs compare
 * them as they are. Domains match in any case. A recipient that was never named, such as one
 * that a filter added, is deleted as it is written.
 */
export function deletedRecipientReplies(
  at: ModificationPlace<DeleteRecipient>,
  recipients: readonly string[],
): readonly Reply[] {
  const bare = checkedAddress(at, at.modification.address);
  if (bare === '')
    throw new ModificationError('ERR_MODIFICATION_ADDRESS', at, 'the address is empty');
  const exact = recipients.filter((recipient) => withoutAngles(recipient) === bare);
  const matching =
    exact.length > 0
      ? exact
      : recipients.filter((recipient) => plainCase(withoutAngles(recipient)) === plainCase(bare));
  const addresses = matching.length > 0 ? new Set(matching) : [`<${bare}>`];
  return [...addresses].map((address) => ({ kind: 'delrcpt', address }));
}

/** Longer ones no MTA takes (RFC 5321 section 4.5.3.1.3: 256 octets), and they would take long to check. */
const MAX_ADDRESS_BYTES = 2048;

/** An address as wire bytes without angle brackets. */
function checkedAddress(at: ModificationPlace, address: string): string {
  const bare = withoutAngles(encodeText(address.trim()));
  if (bare.length > MAX_ADDRESS_BYTES) {
    throw new ModificationError(
      'ERR_MODIFICATION_ADDRESS',
      at,
      `expected at most ${MAX_ADDRESS_BYTES} bytes, got ${bare.length}`,
    );
  }
  const outsideQuotes = bare.replace(/"(?:[^"\\]|\\.)*"/gs, '');
  if (/[\0-\x1f\x7f]/.test(bare) || /[\s<>]/.test(outsideQuotes)) {
    throw new ModificationError(
      'ERR_MODIFICATION_ADDRESS',
      at,
      `expected an address such as 'user@example.com', got ${JSON.stringify(address)}`,
    );
  }
  return bare;
}

function withoutAngles(address: string): string {
  return address.startsWith('<') && address.endsWith('>') ? address.slice(1, -1) : address;
}

/** The domain in lower case; the local part is its host's own business (RFC 5321 section 2.4). */
function plainCase(address: string): string {
  const at = address.lastIndexOf('@');
  return address.slice(0, at + 1) + address.slice(at + 1).toLowerCase();
}

function joinedArgs(at: ModificationPlace, args: readonly string[]): string {
  for (const arg of args) {
    if (arg === '' || /[\0-\x20\x7f]/.test(arg)) {
      throw new ModificationError(
        'ERR_MODIFICATION_ARGUMENT',
        at,
        `expected an argument such as 'NOTIFY=NEVER', got ${JSON.stringify(arg)}`,
      );
    }
  }
  return encodeText(args.join(' '));
}
