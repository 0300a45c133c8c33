/**
 * What leaves the isolate. Handlers never wait for the host: a capability records a request
 * here and returns a promise of the isolate's own; the host takes the box when the call into
 * the isolate is over, and the answer comes back as a new call.
 */

import type { OutboxItem } from '../outbox-item.ts';

/** A capability that failed. `code` is stable. */
export class CapabilityError extends Error {
  readonly code: string;
  constructor(code: string, message: string, origin: Error) {
    super(message);
    this.name = 'CapabilityError';
    this.code = code;
    const frames = String(origin.stack).split('\n').slice(1).join('\n');
    this.stack = `${this.name} [${code}]: ${message}\n${frames}`;
  }
}

interface Pending {
  readonly event: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: CapabilityError) => void;
  readonly origin: Error;
}

let box: OutboxItem[] = [];
let nextCall = 1;
let maxCalls = Number.POSITIVE_INFINITY;
const pending = new Map<number, Pending>();
/** How many of them each event has. */
const openCalls = new Map<number, number>();

export function put(item: OutboxItem): void {
  box.push(item);
}

/** Everything since the last time, as JSON; `''` when there is nothing. */
export function take(): string {
  if (box.length === 0) return '';
  const taken = box;
  box = [];
  return JSON.stringify(taken);
}

/** Whether something waits to be taken. */
export function hasItems(): boolean {
  return box.length > 0;
}

/** `calls`: how many requests of one event may wait for their answers (limits.calls). */
export function limitCalls(calls: number): void {
  maxCalls = calls;
}

/** Asks the host for something on behalf of the event that runs now. */
export function request(
  event: number,
  operation: string,
  args: readonly unknown[],
): Promise<unknown> {
  const origin = new Error('call');
  const open = openCalls.get(event) ?? 0;
  if (open >= maxCalls) {
    const message = `${operation}: this handler waits for ${open} answers already, which is limits.calls; await some of them first`;
    return Promise.reject(new CapabilityError('ERR_CALLS', message, origin));
  }
  openCalls.set(event, open + 1);
  const call = nextCall++;
  put(['call', call, event, operation, args]);
  return new Promise((resolve, reject) => {
    pending.set(call, { event, resolve, reject, origin });
  });
}

/** The host's answer; one to a cancelled request is dropped. */
export function answer(call: number, ok: boolean, value: unknown): void {
  const waiting = pending.get(call);
  if (!waiting) return;
  pending.delete(call);
  openCalls.set(waiting.event, (openCalls.get(waiting.event) ?? 1) - 1);
  if (ok) {
    waiting.resolve(value);
    return;
  }
  const { code, message } = value as { code: string; message: string };
  waiting.reject(new CapabilityError(code, message, waiting.origin));
}

/** The event is over: promises that it left behind never settle, and are garbage. */
export function cancel(event: number): void {
  // Mostly nothing waits: then nothing is looked through.
  if (!openCalls.delete(event)) return;
  for (const [call, waiting] of pending) if (waiting.event === event) pending.delete(call);
}
