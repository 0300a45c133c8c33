/** What a filter says about itself in `export const options`, and what the configuration sets over it. */

import { z } from 'zod';
import { expectObject } from '../config/fields.ts';
import {
  type BodyLimit,
  type FilterMode,
  type FilterOverrides,
  type OnError,
  OVERRIDABLE_KEYS,
  overridableFields,
  overridesOf,
} from '../config/filter-overrides.ts';
import { formatMistakes, type Mistake, mistakesOf } from '../config/mistakes.ts';
import { durationMs, sizeBytes } from '../config/units.ts';

/** The options of a filter in force. */
export interface FilterOptions {
  /** What a message gets when the filter fails. */
  readonly onError: OnError;
  /** CPU time of one call into the filter. */
  readonly cpuMs: number;
  /** Time of one phase, waiting included. */
  readonly wallMs: number;
  /** Heap of the filter's isolate. */
  readonly memoryBytes: number;
  readonly mode: FilterMode;
  /** How much of the body the MTA is to send; absent: what the exported phases need. */
  readonly body?: BodyLimit;
  /** The namespace of its keys; absent: its own. */
  readonly namespace?: string;
  /** Hosts (`api.example.com`, `10.0.0.1:8080`) that it may talk to, in lower case. */
  readonly http: readonly string[];
  /** Macros that it reads beyond the usual, as the protocol names them: `i`, `{client_ptr}`. */
  readonly macros: readonly string[];
}

export const DEFAULT_OPTIONS: FilterOptions = {
  onError: 'tempfail',
  cpuMs: durationMs('50ms'),
  wallMs: durationMs('20s'),
  memoryBytes: sizeBytes('64MB'),
  mode: 'enforce',
  http: [],
  macros: [],
};

/** Options that a filter got wrong; the message has one line for each mistake. */
export class OptionsError extends Error {
  readonly code = 'ERR_OPTIONS';
  readonly mistakes: readonly Mistake[];
  constructor(mistakes: readonly Mistake[]) {
    super(formatMistakes(mistakes));
    this.name = 'OptionsError';
    this.mistakes = mistakes;
  }
}

/**
 * The options in force for a filter that exports `raw` (`undefined`: no options), with
 * those of the configuration over them. Throws {@link OptionsError}.
 */
export function parseFilterOptions(raw: unknown, overrides: FilterOverrides = {}): FilterOptions {
  const parsed = optionsSchema.safeParse(raw === undefined ? {} : raw);
  if (!parsed.success) {
    throw new OptionsError(mistakesOf(parsed.error.issues, raw, optionKeys, ['options']));
  }
  const { kv, macros, ...own } = parsed.data;
  return {
    ...DEFAULT_OPTIONS,
    ...overridesOf(own),
    ...(kv?.namespace !== undefined && { namespace: kv.namespace }),
    macros: [...new Set(macros)],
    ...overrides,
  };
}

const MACRO = "expected a macro such as '{client_ptr}' or 'i'";
const NAMESPACE = "expected a name of letters, digits, '.', '_' and '-', 64 at most";

/** One letter stands bare, longer names in braces: so do MTAs send them. */
const macro = z
  .string({ error: MACRO })
  .regex(/^(?:[A-Za-z_][A-Za-z0-9_.-]*|\{[A-Za-z_][A-Za-z0-9_.-]*\})$/, { error: MACRO })
  .transform((name) => name.replace(/^\{(.*)\}$/, '$1'))
  .transform((name) => (name.length === 1 ? name : `{${name}}`));

const optionsSchema = z.strictObject(
  {
    ...overridableFields,
    kv: z
      .strictObject(
        {
          namespace: z
            .string({ error: NAMESPACE })
            .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/, { error: NAMESPACE })
            .optional(),
        },
        expectObject("an object such as { namespace: 'logins' }"),
      )
      .optional(),
    macros: z
      .array(macro, { error: "expected a list of macros such as ['{client_ptr}']" })
      .default([]),
  },
  expectObject("an object such as { onError: 'accept', wall: '10s' }"),
);

const OPTION_KEYS = [...OVERRIDABLE_KEYS, 'kv', 'macros'];

/** The keys that exist at a path, for suggestions. */
function optionKeys(path: readonly PropertyKey[]): readonly string[] {
  return path.length === 0 ? OPTION_KEYS : ['namespace'];
}
