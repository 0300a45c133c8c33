/** One suite, run in front of every mail server that we know. */

import { MTA_NAMES, type MtaName } from '../harness/mta.ts';
import { describeWith, type ProgramName } from '../harness/requirements.ts';

/** `describe` for each of them; where the servers differ, `body` asks {@link MtaName}. */
export function onEachMta(
  name: string,
  body: (mta: MtaName) => void,
  programs: readonly ProgramName[] = [],
): void {
  for (const mta of MTA_NAMES) {
    describeWith([mta, ...programs], `${name} (${mta})`, () => body(mta));
  }
}
