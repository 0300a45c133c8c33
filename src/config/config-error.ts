/** The error that ends a start with a configuration that is not right. */

import { formatMistakes, type Mistake } from './mistakes.ts';

/** Mistakes in the configuration file or in flags; the message has one line for each. */
export class ConfigError extends Error {
  readonly code = 'ERR_CONFIG';
  readonly mistakes: readonly Mistake[];

  /** `file`: the configuration file as shown to people, for mistakes that are keys in it. */
  constructor(mistakes: readonly Mistake[], file?: string) {
    super(
      mistakes
        .map((mistake) => formatMistakes([mistake], isKey(mistake, file) ? `${file}: ` : ''))
        .join('\n'),
    );
    this.name = 'ConfigError';
    this.mistakes = mistakes;
  }
}

/** Flags and positions in a file say themselves where they are. */
function isKey({ path }: Mistake, file: string | undefined): boolean {
  return file !== undefined && !path.startsWith('--') && !path.startsWith(file);
}
