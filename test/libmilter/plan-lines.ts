/** Plans as the C program reads them (fixtures/libmilter/plan.c). */

import { SMFIF } from 'net-milter-codec';
import type { Plan, PlanChange, PlanRule } from './plan.ts';

/** What a filter declares in xxfi_flags: as authors do, what it makes use of. */
function actionsOf(changes: readonly PlanChange[]): number {
  let actions = 0;
  for (const change of changes) actions |= actionOf(change);
  return actions;
}

function actionOf(change: PlanChange): number {
  switch (change.kind) {
    case 'addheader':
    case 'insheader':
      return SMFIF.ADDHDRS;
    case 'chgheader':
    case 'delheader':
      return SMFIF.CHGHDRS;
    case 'chgfrom':
      return SMFIF.CHGFROM;
    case 'addrcpt':
      return change.args ? SMFIF.ADDRCPT_PAR : SMFIF.ADDRCPT;
    case 'delrcpt':
      return SMFIF.DELRCPT;
    case 'quarantine':
      return SMFIF.QUARANTINE;
    case 'replacebody':
      return SMFIF.CHGBODY;
    case 'progress':
      return 0;
    default:
      return change satisfies never;
  }
}

export function planLines(plan: Plan, socketPath: string): string {
  const { phases, rules = [], changes = [], macros = [], libmilter = {} } = plan;
  const { actions = actionsOf(changes), protocol, macroLists = [] } = libmilter;
  const lines: (readonly (string | number)[])[] = [
    ['plan', `local:${socketPath}`],
    ['phases', ...phases],
    ['actions', actions],
    ...(protocol === undefined ? [] : [['protocol', protocol]]),
    ...macroLists.map(([stage, names]) => ['symlist', stage, names]),
    ...rules.map(ruleFields),
    ...changes.map(changeFields),
    ...macros.map((name) => ['macro', name]),
  ];
  return lines.map((fields) => `${fields.map(encoded).join(' ')}\n`).join('');
}

function ruleFields({ phase, when = '', verdict }: PlanRule): readonly (string | number)[] {
  if (verdict.kind !== 'reply') return ['verdict', phase, when, verdict.kind];
  const { code, enhanced, lines } = verdict;
  // libmilter sends texts as they are; MTAs take '%%' for '%'.
  const doubled = lines.map((line) => line.replaceAll('%', '%%'));
  return ['verdict', phase, when, 'reply', code, enhanced, ...doubled];
}

function changeFields(change: PlanChange): readonly (string | number)[] {
  const { kind } = change;
  switch (kind) {
    case 'addheader':
      return ['change', kind, change.name, change.value];
    case 'insheader':
      return ['change', kind, change.index, change.name, change.value];
    case 'chgheader':
      return ['change', kind, change.name, change.index, change.value];
    case 'delheader':
      return ['change', kind, change.name, change.index];
    case 'chgfrom':
    case 'addrcpt':
      return ['change', kind, change.address, ...(change.args ? [change.args] : [])];
    case 'delrcpt':
      return ['change', kind, change.address];
    case 'quarantine':
      return ['change', kind, change.reason];
    case 'replacebody':
      return ['change', kind, change.body];
    case 'progress':
      return ['change', kind];
    default:
      return kind satisfies never;
  }
}

/** Bytes of UTF-8 that are not printable as %XX; an empty field as a lone %. */
export function encoded(field: string | number): string {
  const bytes = Buffer.from(String(field), 'utf8');
  if (bytes.length === 0) return '%';
  let text = '';
  for (const byte of bytes) {
    text +=
      byte > 0x20 && byte < 0x7f && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}
