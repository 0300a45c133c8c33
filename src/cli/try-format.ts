/** What `postern try` shows. */

import type { EndedEvent } from '../engine/engine.ts';
import type { Modification } from '../policy/modification.ts';
import { formatReply } from '../policy/smtp-reply.ts';
import { type Verdict, withoutDelay } from '../policy/verdict.ts';
import type { KeptLine } from './try-log.ts';
import type { PlayedReply } from './try-script.ts';

export interface Trial {
  readonly events: readonly EndedEvent[];
  readonly replies: readonly PlayedReply[];
  readonly logged: readonly KeptLine[];
}

export function formatTrial({ events, replies, logged }: Trial): string {
  const lines: string[] = [];
  for (const { phase, steps } of events) {
    for (const { filter, verdict, modifications, failure, observed } of steps) {
      const said = failure ? `FAILED: ${failure.message}` : formatVerdict(verdict);
      lines.push(
        `${phase.padEnd(8)} ${filter.padEnd(16)} ${said}${observed ? ' (only observed)' : ''}`,
      );
      for (const modification of modifications)
        lines.push(`${' '.repeat(26)}${formatModification(modification)}`);
    }
  }
  const spoken = logged.filter(isSpoken);
  if (spoken.length > 0) lines.push('', ...spoken.map(formatLogged));
  lines.push('', ...replies.filter(isTelling).map(formatPlayed));
  return `${lines.join('\n')}\n`;
}

function formatVerdict(verdict: Verdict): string {
  const { verdict: inner, delayMs } = withoutDelay(verdict);
  const late = delayMs > 0 ? ` after ${delayMs / 1000} s` : '';
  if ((inner.kind === 'reject' || inner.kind === 'tempfail') && inner.reply)
    return `${inner.kind} ${formatReply(inner.reply)}${late}`;
  return `${inner.kind}${inner.kind === 'accept' && inner.all ? ' for all filters' : ''}${late}`;
}

function formatModification(modification: Modification): string {
  switch (modification.kind) {
    case 'addHeader':
      return `add header ${modification.name}: ${shownValue(modification.value)}`;
    case 'insertHeader':
      return `insert header at ${modification.index}, ${modification.name}: ${shownValue(modification.value)}`;
    case 'insertHeaderBeside':
      return `insert header ${modification.side} another, ${modification.name}: ${shownValue(modification.value)}`;
    case 'changeHeader':
      return `change header ${modification.name} (${modification.nth}): ${shownValue(modification.value)}`;
    case 'deleteHeader':
      return `delete header ${modification.name}${modification.nth === undefined ? '' : ` (${modification.nth})`}`;
    case 'setSender':
      return `change sender to <${modification.address}> ${modification.args.join(' ')}`.trim();
    case 'addRecipient':
      return `add recipient <${modification.address}> ${modification.args.join(' ')}`.trim();
    case 'deleteRecipient':
      return `delete recipient <${modification.address}>`;
    case 'replaceBody':
      return `replace the body with ${modification.body.length} bytes`;
    case 'quarantine':
      return `quarantine: ${modification.reason}`;
    default:
      return modification satisfies never;
  }
}

function shownValue(value: { readonly text: string } | { readonly bytes: string }): string {
  return 'text' in value ? value.text : value.bytes;
}

/** What went wrong, and what filters say themselves; verdicts are shown with their phases. */
function isSpoken({ level, fields }: KeptLine): boolean {
  return level === 'error' || level === 'warn' || ('filter' in fields && !('verdict' in fields));
}

function formatLogged({ level, text, fields }: KeptLine): string {
  const { at, fields: own } = fields as { at?: string; fields?: unknown };
  return `${level}: ${text}${at === undefined ? '' : ` (${at})`}${own === undefined ? '' : ` ${JSON.stringify(own)}`}`;
}

/** The last word, and whatever was not `continue`. */
function isTelling({ phase, reply }: PlayedReply): boolean {
  return phase === 'eom' || reply.kind !== 'continue';
}

function formatPlayed({ phase, about, reply }: PlayedReply): string {
  const text =
    reply.kind === 'replycode'
      ? reply.text.replace(/\r\n/g, ' / ').replaceAll('%%', '%')
      : reply.kind;
  return `the MTA hears, ${phase}${about === undefined ? '' : ` <${about}>`}: ${text}`;
}
