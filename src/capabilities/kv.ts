/**
 * `kv` of a filter, on a store. Each filter's keys lie below its namespace: `greylist/192.0.2.1`.
 * Values are kept in their stored form (see kv/value.ts), which the guest library speaks too.
 */

import { z } from 'zod';
import type { Store } from '../kv/store.ts';
import { BYTES_MARK } from '../kv/value.ts';
import { CapabilityFailure } from './failure.ts';

/** A JSON text, or bytes as latin1. */
const Carried = z.union([
  z.object({ json: z.string() }).strict(),
  z.object({ bytes: z.string() }).strict(),
]);

const Key = z.string().min(1);
const Ttl = z.number().positive().nullable();

export async function performKv(
  store: Store,
  operation: string,
  args: readonly unknown[],
  namespace: string,
): Promise<unknown> {
  const key = `${namespace}/${parsed(Key, args[0], operation, 'a key')}`;
  switch (operation) {
    case 'get': {
      const found = await store.get(key);
      return found === undefined ? null : carry(found);
    }
    case 'has':
      return (await store.get(key)) !== undefined;
    case 'set':
      await store.set(key, storedForm(args[1], operation), ttlOf(args[2], operation));
      return null;
    case 'add':
      return store.add(key, storedForm(args[1], operation), ttlOf(args[2], operation));
    case 'incr':
      return store.incr(
        key,
        parsed(z.number().int(), args[1], operation, 'a whole number'),
        ttlOf(args[2], operation),
      );
    case 'delete':
      return store.delete(key);
    default:
      throw new CapabilityFailure(
        'ERR_UNKNOWN_CAPABILITY',
        `kv has no ${JSON.stringify(operation.slice(0, 40))}`,
      );
  }
}

function storedForm(arg: unknown, operation: string): Buffer {
  const value = parsed(Carried, arg, operation, 'a JSON value or bytes');
  if ('json' in value) return Buffer.from(value.json, 'utf8');
  return Buffer.concat([Buffer.of(BYTES_MARK), Buffer.from(value.bytes, 'latin1')]);
}

function carry(stored: Buffer): z.infer<typeof Carried> {
  if (stored[0] === BYTES_MARK) return { bytes: stored.toString('latin1', 1) };
  return { json: stored.toString('utf8') };
}

function ttlOf(arg: unknown, operation: string): number | undefined {
  return parsed(Ttl, arg ?? null, operation, 'a ttl in milliseconds') ?? undefined;
}

function parsed<T>(schema: z.ZodType<T>, value: unknown, operation: string, expected: string): T {
  const result = schema.safeParse(value);
  if (!result.success)
    throw new CapabilityFailure('ERR_ARGUMENT', `kv.${operation}: expected ${expected}`);
  return result.data;
}
