/** Which macros the MTA is asked for, where a filter wants more than it sends by itself. */

import { type MacroList, SMFIM } from 'net-milter-codec';
import { type MacroStage, macroName } from '../policy/macros.ts';

/** Sendmail's limit for one stage (sendmail 8.17, MAXFILTERMACROS). */
export const MAX_MACROS_PER_STAGE = 50;

/** What the facts of a session are made of, by stage. Asking for a list replaces the MTA's own. */
const STANDARD: Readonly<Record<MacroStage, readonly string[]>> = {
  connect: ['j', 'daemon_name', 'daemon_addr', 'daemon_port', 'if_name', 'if_addr', 'v', '_'],
  helo: ['tls_version', 'cipher', 'cipher_bits', 'cert_subject', 'cert_issuer'],
  mail: ['i', 'auth_type', 'auth_authen', 'auth_author', 'mail_addr', 'mail_host', 'mail_mailer'],
  rcpt: ['i', 'rcpt_addr', 'rcpt_host', 'rcpt_mailer'],
  data: ['i'],
  eoh: ['i'],
  eom: ['i', 'msg_id'],
};

/** Where macros with these beginnings become known; others may come at any stage. */
const STAGE_OF_PREFIX: readonly (readonly [prefix: string, stage: MacroStage])[] = [
  ['client_', 'connect'],
  ['daemon_', 'connect'],
  ['if_', 'connect'],
  ['tls_', 'helo'],
  ['cert_', 'helo'],
  ['cipher', 'helo'],
  ['auth_', 'mail'],
  ['mail_', 'mail'],
  ['rcpt_', 'rcpt'],
];

/** SMFIM_* of each stage. EOH and EOM go together: Sendmail mistakes one without the other. */
const WIRE_STAGES: readonly (readonly [stage: MacroStage, number: number])[] = [
  ['connect', SMFIM.CONNECT],
  ['helo', SMFIM.HELO],
  ['mail', SMFIM.ENVFROM],
  ['rcpt', SMFIM.ENVRCPT],
  ['data', SMFIM.DATA],
  ['eom', SMFIM.EOM],
  ['eoh', SMFIM.EOH],
];

/** The lists for all stages: the standard macros and those declared, with or without braces. */
export function macroLists(declared: Iterable<string>): readonly MacroList[] {
  const wanted = new Map<MacroStage, Set<string>>(
    WIRE_STAGES.map(([stage]) => [stage, new Set(STANDARD[stage])]),
  );
  for (const name of declared) {
    const bare = macroName(name);
    // Anything else would fall apart in a list that is separated by spaces and commas.
    if (!/^[\w.:-]+$/.test(bare)) continue;
    const stage = STAGE_OF_PREFIX.find(([prefix]) => bare.startsWith(prefix))?.[1];
    if (stage !== undefined) wanted.get(stage)!.add(bare);
    else for (const names of wanted.values()) names.add(bare);
  }
  return WIRE_STAGES.map(([stage, number]) => ({
    stage: number,
    names: [...wanted.get(stage)!].slice(0, MAX_MACROS_PER_STAGE).map(wireName),
  }));
}

/** One character stands bare, more stand in braces. */
function wireName(name: string): string {
  return name.length === 1 ? name : `{${name}}`;
}
