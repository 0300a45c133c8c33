/**
 * What an isolate tells its host, as JSON, and what the host makes sure of. Shared by the guest
 * library, which needs the type alone, and the runner; no imports.
 */

export type OutboxItem =
  /** A handler ended. States are JSON texts and present only when they changed. */
  | readonly [
      kind: 'done',
      event: number,
      verdict: unknown,
      modifications: readonly unknown[] | null,
      sessionState: string | null,
      messageState: string | null,
    ]
  /** A handler failed: what it threw and where. */
  | readonly [kind: 'fail', event: number, message: string, stack: string]
  /** A handler asks for a capability. */
  | readonly [
      kind: 'call',
      call: number,
      event: number,
      operation: string,
      args: readonly unknown[],
    ]
  | readonly [
      kind: 'log',
      event: number,
      level: 'debug' | 'info' | 'warn' | 'error',
      text: string,
      fields: unknown,
    ];

/** Longer texts and fields of log lines are cut: characters, of fields as JSON. */
const MAX_LOG_LENGTH = 8192;

/** Longer names are no operation. */
const MAX_OPERATION_LENGTH = 64;

/** Deeper values would overflow the stack of whoever writes them; the library sends none. */
const MAX_DEPTH = 200;

const LEVELS: readonly unknown[] = ['debug', 'info', 'warn', 'error'];

/** The item with its texts cut to size, or `undefined` if it is none. A verdict and changes are not looked into. */
export function checkedItem(item: unknown): OutboxItem | undefined {
  if (!Array.isArray(item)) return undefined;
  switch (item[0]) {
    case 'call': {
      const [, call, event, operation, args] = item;
      const isCall =
        isNumber(call) &&
        isNumber(event) &&
        typeof operation === 'string' &&
        operation.length <= MAX_OPERATION_LENGTH &&
        Array.isArray(args) &&
        isShallow(args, MAX_DEPTH);
      return isCall ? (item as unknown as OutboxItem) : undefined;
    }
    case 'done': {
      const [, event, , modifications, ...states] = item;
      const isDone =
        isNumber(event) &&
        (modifications === null || Array.isArray(modifications)) &&
        states.length === 2 &&
        states.every((state) => state === null || typeof state === 'string');
      return isDone ? (item as unknown as OutboxItem) : undefined;
    }
    case 'fail': {
      const [, event, message, stack] = item;
      if (!isNumber(event) || typeof message !== 'string' || typeof stack !== 'string')
        return undefined;
      return ['fail', event, message.slice(0, MAX_LOG_LENGTH), stack.slice(0, MAX_LOG_LENGTH)];
    }
    case 'log': {
      const [, event, level, text, fields] = item;
      if (!isNumber(event) || !LEVELS.includes(level) || typeof text !== 'string') return undefined;
      return ['log', event, level, text.slice(0, MAX_LOG_LENGTH), cutFields(fields)];
    }
    default:
      return undefined;
  }
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

/** A log line is written even if its fields cannot be. */
function cutFields(fields: unknown): unknown {
  if (fields === null || fields === undefined) return null;
  if (!isShallow(fields, MAX_DEPTH)) return 'fields that are nested too deep';
  const json = JSON.stringify(fields);
  return json.length > MAX_LOG_LENGTH ? `${json.slice(0, MAX_LOG_LENGTH)} ...` : fields;
}

function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (depth === 0) return false;
  for (const inner of Object.values(value)) if (!isShallow(inner, depth - 1)) return false;
  return true;
}
