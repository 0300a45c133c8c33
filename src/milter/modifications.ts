/** What filters changed in a message, as the packets that go before the final reply. */

import { encodeText, type Reply, SMFIF, splitBody } from 'net-milter-codec';
import type { Modification, ModificationKind } from '../policy/modification.ts';
import { addedRecipientReply, deletedRecipientReplies, senderReply } from './envelope-changes.ts';
import { checkHeader, type HeaderStyle, headerReplies, type RawHeader } from './header-changes.ts';
import type { MtaKind } from './header-plan.ts';
import { ModificationError, type ModificationPlace } from './modification-error.ts';

/** The message as the MTA knows it, and what was agreed with that MTA. */
export interface ModifiedMessage extends HeaderStyle {
  readonly headers: readonly RawHeader[];
  /** Exactly as they came in RCPT (latin1). */
  readonly recipients: readonly string[];
  /** The arguments of MAIL (latin1). */
  readonly mailArgs?: readonly string[];
  /** SMFIF_* bits that were agreed. */
  readonly actions: number;
  readonly mta: MtaKind;
}

/**
 * The replies for these modifications, in the order envelope, headers, quarantine, body.
 * Throws {@link ModificationError}: then nothing of it may be sent.
 */
export function modificationReplies(
  modifications: readonly Modification[],
  message: ModifiedMessage,
): readonly Reply[] {
  const places = modifications.map((modification, index) => ({ modification, index }));
  for (const place of places) checkOffered(place, message.actions);

  // Of several senders or bodies the last one counts: an MTA would append one body to the other.
  const sender = places.findLast(hasKind('setSender'));
  const body = places.findLast(hasKind('replaceBody'));
  const reasons = places.filter(hasKind('quarantine')).map(checkedReason);
  const replies: Reply[] = [];
  for (const place of places.filter(hasKind('setSender'))) {
    // Sendmail forgets the old arguments where there are new ones, Postfix does not.
    const reply = senderReply(place, message.mta === 'postfix' ? [] : message.mailArgs);
    if (place === sender) replies.push(reply);
  }
  for (const place of places) {
    if (hasKind('addRecipient')(place)) replies.push(addedRecipientReply(place));
    if (hasKind('deleteRecipient')(place)) {
      replies.push(...deletedRecipientReplies(place, message.recipients));
    }
    if (isHeaderPlace(place)) checkHeader(place);
  }
  const header = places.find(isHeaderPlace);
  if (header) {
    const changes = headerReplies(message.headers, modifications, message.mta, message);
    // Where headers have to be written again, one action takes the other.
    if (changes.some(({ kind }) => kind === 'chgheader')) {
      checkAction(header, ACTIONS.changeHeader, message.actions);
    }
    if (changes.some(({ kind }) => kind !== 'chgheader')) {
      checkAction(header, ACTIONS.addHeader, message.actions);
    }
    replies.push(...changes);
  }
  if (reasons.length > 0) replies.push({ kind: 'quarantine', reason: reasons.join('; ') });
  if (body) replies.push(...splitBody(bodyBytes(body)));
  return replies;
}

/** An action and what it is called in messages. */
type Action = readonly [bit: number, name: string];

const ACTIONS: Readonly<Record<ModificationKind, Action>> = {
  addHeader: [SMFIF.ADDHDRS, 'SMFIF_ADDHDRS'],
  insertHeader: [SMFIF.ADDHDRS, 'SMFIF_ADDHDRS'],
  insertHeaderBeside: [SMFIF.ADDHDRS, 'SMFIF_ADDHDRS'],
  changeHeader: [SMFIF.CHGHDRS, 'SMFIF_CHGHDRS'],
  deleteHeader: [SMFIF.CHGHDRS, 'SMFIF_CHGHDRS'],
  setSender: [SMFIF.CHGFROM, 'SMFIF_CHGFROM'],
  addRecipient: [SMFIF.ADDRCPT, 'SMFIF_ADDRCPT'],
  deleteRecipient: [SMFIF.DELRCPT, 'SMFIF_DELRCPT'],
  replaceBody: [SMFIF.CHGBODY, 'SMFIF_CHGBODY'],
  quarantine: [SMFIF.QUARANTINE, 'SMFIF_QUARANTINE'],
};
const ADDRCPT_PAR: Action = [SMFIF.ADDRCPT_PAR, 'SMFIF_ADDRCPT_PAR'];

function checkOffered(place: ModificationPlace, actions: number): void {
  const { modification } = place;
  const hasArgs = modification.kind === 'addRecipient' && modification.args.length > 0;
  checkAction(place, hasArgs ? ADDRCPT_PAR : ACTIONS[modification.kind], actions);
}

function checkAction(place: ModificationPlace, [bit, name]: Action, actions: number): void {
  if ((actions & bit) !== 0) return;
  throw new ModificationError(
    'ERR_MODIFICATION_NOT_OFFERED',
    place,
    `the MTA did not offer this action (${name})`,
  );
}

type PlaceOf<K extends ModificationKind> = ModificationPlace<Extract<Modification, { kind: K }>>;

function hasKind<K extends ModificationKind>(kind: K) {
  return (place: ModificationPlace): place is PlaceOf<K> => place.modification.kind === kind;
}

type HeaderKind = Extract<Modification, { readonly name: string }>['kind'];

function isHeaderPlace(place: ModificationPlace): place is PlaceOf<HeaderKind> {
  return 'name' in place.modification;
}

function checkedReason(place: PlaceOf<'quarantine'>): string {
  const { reason } = place.modification;
  if (reason === '' || /[\0-\x1f\x7f]/.test(reason)) {
    throw new ModificationError(
      'ERR_MODIFICATION_REASON',
      place,
      `expected a reason on one line, got ${JSON.stringify(reason)}`,
    );
  }
  return encodeText(reason);
}

function bodyBytes(place: PlaceOf<'replaceBody'>): Buffer {
  const { body } = place.modification;
  if (/[^\0-\xff]/.test(body)) {
    throw new ModificationError('ERR_MODIFICATION_BODY', place, 'expected one character a byte');
  }
  return Buffer.from(body, 'latin1');
}
