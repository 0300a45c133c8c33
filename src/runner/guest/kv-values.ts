/** Values, times and options of `kv` as they cross the border. */

import { findJsonMisfit } from '../../config/json.ts';
import { type Duration, durationMs } from '../../config/units.ts';
import type {
  DistinctOptions,
  KvValue,
  LeaseOptions,
  RateOptions,
  TtlOption,
  WindowOptions,
} from './api-kv.ts';
import { bytesFromLatin1, latin1FromBytes } from './bytes.ts';

/** A JSON text, or bytes as latin1. */
export type Carried = { readonly json: string } | { readonly bytes: string };

const DEFAULT_SLOTS = 60;

export function checkedKey(key: unknown): string {
  if (typeof key !== 'string' || key === '')
    throw new TypeError(`kv: expected a key, a text that is not empty, got ${typeof key}`);
  return key;
}

export function carried(value: KvValue): Carried {
  if (value instanceof Uint8Array) return { bytes: latin1FromBytes(value) };
  const misfit = findJsonMisfit(value);
  if (misfit) {
    const place = misfit.path === '' ? '' : ` at ${misfit.path}`;
    throw new TypeError(`kv: expected a JSON value or bytes, got ${misfit.what}${place}`);
  }
  return { json: JSON.stringify(value) };
}

/** What was expected by `cas`; `null`: that the key is absent. */
export function expectedValue(value: KvValue): Carried | null {
  return value === undefined ? null : carried(value);
}

export function uncarried(found: unknown): KvValue | undefined {
  if (found === null) return undefined;
  const value = found as Carried;
  return 'json' in value ? (JSON.parse(value.json) as KvValue) : bytesFromLatin1(value.bytes);
}

export function ttlMs(options: TtlOption | undefined): number | null {
  return options?.ttl === undefined ? null : periodMs(options.ttl, 'ttl');
}

export function periodMs(duration: Duration, what: string): number {
  const ms = durationMs(duration);
  if (!(ms > 0)) throw new TypeError(`kv: a ${what} must be longer than nothing`);
  return ms;
}

export function wholeNumber(n: unknown, what: string): number {
  if (!Number.isSafeInteger(n))
    throw new TypeError(`${what}: expected a whole number, got ${String(n)}`);
  return n as number;
}

export function carriedRate(options: RateOptions): object {
  const { limit, per, burst, cost } = options;
  return {
    limit: positive(limit, 'kv.rate: a limit'),
    perMs: periodMs(per, 'period'),
    ...(burst !== undefined && { burst: positive(burst, 'kv.rate: a burst') }),
    ...(cost !== undefined && { cost }),
  };
}

export function carriedWindow({ per, slots = DEFAULT_SLOTS }: WindowOptions): object {
  return { perMs: periodMs(per, 'period'), slots: wholeNumber(slots, 'kv.window: slots') };
}

export function carriedPeriod({ per }: DistinctOptions): number {
  return periodMs(per, 'period');
}

export function carriedLease({ limit, ttl }: LeaseOptions): object {
  return { limit: wholeNumber(limit, 'kv.lease: limit'), ttlMs: periodMs(ttl, 'ttl') };
}

export function checkedMember(member: unknown): string {
  if (typeof member === 'string') return member;
  throw new TypeError(`kv.distinct: expected a member, a text, got ${typeof member}`);
}

function positive(n: unknown, what: string): number {
  if (typeof n === 'number' && n > 0 && Number.isFinite(n)) return n;
  throw new TypeError(`${what} must be a number of more than 0, got ${String(n)}`);
}
