/** The filter options that a configuration may set over a filter's own. */

import { z } from 'zod';
import { duration, oneOf, size } from './fields.ts';

/** What a message gets when a filter fails. */
export const ON_ERROR = ['tempfail', 'accept', 'reject', 'continue'] as const;
export type OnError = (typeof ON_ERROR)[number];

/** `observe`: runs, logs its verdict, changes nothing. */
export const FILTER_MODES = ['enforce', 'observe'] as const;
export type FilterMode = (typeof FILTER_MODES)[number];

/** How much of the body the MTA is to send. */
export type BodyLimit =
  | { readonly kind: 'all' }
  | { readonly kind: 'none' }
  | { readonly kind: 'first'; readonly bytes: number };

/** Options as the configuration sets them; what is absent, the filter's own options decide. */
export interface FilterOverrides {
  readonly onError?: OnError;
  /** CPU time of one call into the filter. */
  readonly cpuMs?: number;
  /** Time of one phase, waiting included. */
  readonly wallMs?: number;
  /** Heap of the filter's isolate. */
  readonly memoryBytes?: number;
  readonly mode?: FilterMode;
  readonly body?: BodyLimit;
  /** Hosts (`api.example.com`, `10.0.0.1:8080`, `10.0.0.0/8`) that it may talk to, in lower case. */
  readonly http?: readonly string[];
}

/** The keys of {@link overridableFields}, for suggestions. */
export const OVERRIDABLE_KEYS = [
  'onError',
  'cpu',
  'wall',
  'memory',
  'mode',
  'body',
  'http',
] as const;

const HOST =
  "expected a host such as 'api.example.com', '10.0.0.1:8080' or '10.0.0.0/8', without https:// and path";

/** A name or an address, IPv6 in brackets, with or without a port; or a range of addresses. */
const HOST_PATTERN =
  /^(?:(?:[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?|[0-9a-f:.]+\/\d{1,3})$/i;

function host() {
  return z
    .string({ error: HOST })
    .regex(HOST_PATTERN, { error: HOST })
    .transform((name) => name.toLowerCase());
}

/**
 * Fields of the options that may stand in a filter and in the configuration. The CPU time
 * ends at 1 s, because a runner does nothing else meanwhile; the memory starts at what
 * isolated-vm needs for an empty isolate.
 */
export const overridableFields = {
  onError: oneOf(ON_ERROR).optional(),
  cpu: duration({ least: '1ms', most: '1s' }).optional(),
  wall: duration({ least: '1ms', most: '1h' }).optional(),
  memory: size({ least: '8MB', most: '2GB' }).optional(),
  mode: oneOf(FILTER_MODES).optional(),
  body: bodyLimit().optional(),
  http: z
    .array(host(), { error: "expected a list of hosts such as ['api.example.com']" })
    .optional(),
};

function bodyLimit() {
  return z.unknown().transform((value, context): BodyLimit => {
    if (value === 'all' || value === 'none') return { kind: value };
    const bytes = size().safeParse(value);
    if (bytes.success) return { kind: 'first', bytes: bytes.data };
    context.addIssue("expected 'all' | 'none' | how much of it, such as '64KB'");
    return z.NEVER;
  });
}

/** The fields as parsed, with units in their names and without what is absent. */
export function overridesOf(
  parsed: Readonly<z.output<z.ZodObject<typeof overridableFields>>>,
): FilterOverrides {
  return {
    ...(parsed.onError !== undefined && { onError: parsed.onError }),
    ...(parsed.cpu !== undefined && { cpuMs: parsed.cpu }),
    ...(parsed.wall !== undefined && { wallMs: parsed.wall }),
    ...(parsed.memory !== undefined && { memoryBytes: parsed.memory }),
    ...(parsed.mode !== undefined && { mode: parsed.mode }),
    ...(parsed.body !== undefined && { body: parsed.body }),
    ...(parsed.http !== undefined && { http: [...new Set(parsed.http)] }),
  };
}
