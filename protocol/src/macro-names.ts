/** Lists of macro names in an OPTNEG reply: one string, `i {auth_type}`, as in MTA configurations. */

import { refusal } from './write-fields.ts';

const SEPARATORS = /[ ,\t\r\n]+/;

/** The names in a list; MTAs separate them by spaces and commas. */
export function splitMacroNames(list: string): string[] {
  return list.split(SEPARATORS).filter((name) => name !== '');
}

/** The list of these names; throws `MilterCodecError` for a name that would read as none or two. */
export function joinMacroNames(names: readonly string[]): string {
  for (const name of names) {
    if (name !== '' && !SEPARATORS.test(name)) continue;
    const got = JSON.stringify(name);
    throw refusal('ERR_MILTER_MACRO', 'SMFIR_OPTNEG', 'names', 0, 'the name of one macro', got);
  }
  return names.join(' ');
}
