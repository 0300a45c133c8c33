/** Values that JSON can carry without losing anything. */

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export type JsonObject = { readonly [key: string]: JsonValue };

/** Deeper values are refused, so that neither we nor a reader run out of stack. */
export const MAX_JSON_DEPTH = 100;

/** The part of a value that JSON cannot carry: where it is (`.a[2]`) and what it is. */
export interface JsonMisfit {
  readonly path: string;
  readonly what: string;
}

/** The first part of `value` that JSON would change or drop, or `undefined` if there is none. */
export function findJsonMisfit(
  value: unknown,
  depth = 0,
  { mayBeAbsent = false } = {},
): JsonMisfit | undefined {
  if (value === null) return undefined;
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : { path: '', what: String(value) };
    case 'object':
      return findInObject(value, depth, mayBeAbsent);
    case 'undefined':
      return { path: '', what: 'undefined' };
    case 'bigint':
      return { path: '', what: 'a bigint' };
    default:
      return { path: '', what: `a ${typeof value}` };
  }
}

function findInObject(value: object, depth: number, mayBeAbsent: boolean): JsonMisfit | undefined {
  if (depth >= MAX_JSON_DEPTH) {
    return { path: '', what: `nested deeper than ${MAX_JSON_DEPTH} levels, or contains itself` };
  }
  if (Array.isArray(value)) {
    // An index loop sees holes, which JSON would fill with null.
    for (let index = 0; index < value.length; index++) {
      const misfit = findJsonMisfit(value[index], depth + 1, { mayBeAbsent });
      if (misfit) return { path: `[${index}]${misfit.path}`, what: misfit.what };
    }
    return undefined;
  }
  if (!isPlain(value))
    return { path: '', what: `a ${value.constructor?.name ?? 'special object'}` };
  for (const [key, inner] of Object.entries(value)) {
    // JSON leaves it out, and what reads it finds the same.
    if (inner === undefined && mayBeAbsent) continue;
    const misfit = findJsonMisfit(inner, depth + 1, { mayBeAbsent });
    if (misfit) return { path: `.${key}${misfit.path}`, what: misfit.what };
  }
  return undefined;
}

/** Made by `{}`, in this realm or another (an isolate, a module loaded by a second context). */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
