/** Changes of headers as replies. */

import {
  encodeText,
  foldedHeaderValue,
  isHeaderName,
  MilterCodecError,
  type Reply,
} from 'net-milter-codec';
import { type HeaderEntry, HeaderList } from '../policy/header-list.ts';
import type { HeaderValue, Modification } from '../policy/modification.ts';
import { encodeWords } from './encoded-word.ts';
import { foldLongLines } from './header-fold.ts';
import { type HeaderStep, type MtaKind, planHeaders } from './header-plan.ts';
import { ModificationError, type ModificationPlace } from './modification-error.ts';

/** A header as it came: latin1, the value with its leading space. */
export interface RawHeader {
  readonly name: string;
  readonly raw: string;
}

/** How values have to look on their way out. */
export interface HeaderStyle {
  /** HDR_LEADSPC was agreed: the MTA puts nothing between colon and value. */
  readonly leadingSpace: boolean;
  /** The message came with SMTPUTF8: UTF-8 may stand in headers as it is (RFC 6532). */
  readonly smtputf8: boolean;
}

export function headerReplies(
  original: readonly RawHeader[],
  modifications: readonly Modification[],
  mta: MtaKind,
  style: HeaderStyle,
): readonly Reply[] {
  const wanted = new HeaderList(original);
  for (const modification of modifications) wanted.apply(modification);
  return planHeaders(original, wanted, mta).map((step) => replyOf(step, style));
}

function replyOf(step: HeaderStep, style: HeaderStyle): Reply {
  switch (step.kind) {
    case 'change': {
      // An empty value would delete the header.
      const value = wireValue(step.to, style) || ' ';
      return { kind: 'chgheader', index: step.nth, name: step.name, value };
    }
    case 'delete':
      return { kind: 'chgheader', index: step.nth, name: step.name, value: '' };
    case 'insert': {
      const { name } = step.entry;
      return { kind: 'insheader', index: step.index, name, value: wireValue(step.entry, style) };
    }
    case 'append':
      return { kind: 'addheader', name: step.entry.name, value: wireValue(step.entry, style) };
    default:
      return step satisfies never;
  }
}

function wireValue(entry: HeaderEntry, style: HeaderStyle): string {
  const { value } = entry;
  if ('raw' in value) {
    const raw = mended(value.raw);
    return style.leadingSpace || !raw.startsWith(' ') ? raw : raw.slice(1);
  }
  const text = newValue(value, style);
  // Bytes are the author's own responsibility.
  const lines = 'bytes' in value ? text : foldLongLines(text, `${entry.name}: `.length);
  return (style.leadingSpace ? ' ' : '') + lines;
}

/** A value that came from outside and goes back: folded with LF, whatever it was folded with. */
function mended(raw: string): string {
  return raw.replace(/\r/g, '').replace(/\n(?![ \t])/g, '\n\t');
}

function newValue(value: HeaderValue, style: Pick<HeaderStyle, 'smtputf8'>): string {
  if ('bytes' in value) return foldedHeaderValue(value.bytes);
  const folded = foldedHeaderValue(value.text);
  return style.smtputf8 ? encodeText(folded) : encodeWords(folded);
}

type HeaderModification = Extract<Modification, { readonly name: string }>;

/** Throws {@link ModificationError} for a header that would break the message apart. */
export function checkHeader(at: ModificationPlace<HeaderModification>): void {
  const { modification } = at;
  if (!isHeaderName(modification.name)) {
    throw new ModificationError(
      'ERR_MODIFICATION_HEADER_NAME',
      at,
      `expected a header name of printable ASCII without spaces and ':', got ${JSON.stringify(modification.name)}`,
    );
  }
  const place = placeOf(modification);
  if (place !== undefined && !(Number.isSafeInteger(place.value) && place.value >= place.least)) {
    throw new ModificationError(
      'ERR_MODIFICATION_HEADER_PLACE',
      at,
      `expected ${place.what} to be a whole number from ${place.least} on, got ${place.value}`,
    );
  }
  if ('value' in modification) checkValue(at, modification.value);
}

function placeOf(modification: HeaderModification) {
  switch (modification.kind) {
    case 'insertHeader':
      return { what: 'the index', value: modification.index, least: 0 };
    case 'changeHeader':
      return { what: 'nth', value: modification.nth, least: 1 };
    case 'deleteHeader':
      if (modification.nth === undefined) return undefined;
      return { what: 'nth', value: modification.nth, least: 1 };
    case 'addHeader':
    case 'insertHeaderBeside':
      return undefined;
    default:
      return modification satisfies never;
  }
}

function checkValue(at: ModificationPlace<HeaderModification>, value: HeaderValue): void {
  const bytes = 'bytes' in value ? value.bytes : undefined;
  let problem: string | undefined;
  try {
    foldedHeaderValue(bytes ?? (value as { readonly text: string }).text);
    if (bytes !== undefined && /[^\0-\xff]/.test(bytes)) problem = 'bytes must be below 256';
  } catch (error) {
    if (!(error instanceof MilterCodecError)) throw error;
    problem = error.message;
  }
  if (problem === undefined) return;
  const { name } = at.modification;
  throw new ModificationError('ERR_MODIFICATION_HEADER_VALUE', at, `${name}: ${problem}`);
}
