/** What filters log, kept instead of printed: `try` shows it among the phases' results. */

import type { Logger } from '../engine/logger.ts';

export interface KeptLine {
  readonly level: keyof Logger;
  readonly text: string;
  readonly fields: object;
}

export type KeepingLog = Logger & { readonly lines: readonly KeptLine[] };

export function quietLog(): KeepingLog {
  const lines: KeptLine[] = [];
  const at = (level: keyof Logger) => (fields: object, text: string) => {
    lines.push({ level, text, fields });
  };
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
