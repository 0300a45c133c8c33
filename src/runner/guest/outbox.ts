/**
 * What leaves the isolate. Handlers never wait for the host: a capability records a request
 * here and returns a promise of the isolate's own; the host takes the box when the call into
 * the isolate is over, and the answer comes back as a new call.
 *
 * A handler that ends leaves the promises behind that it did not await. They must not go on, but
 * another handler may await one of them, or a later one may (`list ??= kv.get('list')` at the top
 * of a module). Nothing tells who awaits a promise. So their answers are held back, and given only
 * while a handler is open that waits for nothing it asked for itself: it waits for what another
 * one asked for. What remains: then all that is held is given, and code of an ended handler may go
 * on with it; and what the worker stops at the end of the handler that asked (sleep, http, dns) is
 * an error to whoever else awaits it.
 */

import type { OutboxItem } from '../outbox-item.ts';
import { isOpen, openRuns } from './current.ts';

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

/** The host's answer: JSON, or bytes. */
export interface Answer {
  readonly ok: boolean;
  readonly json: string;
  readonly bytes: Uint8Array | undefined;
}

/** What is kept for handlers that have ended, at most; the oldest goes first. */
const MAX_LEFT_BEHIND = 100;
const MAX_HELD_LENGTH = 1024 * 1024;

let box: OutboxItem[] = [];
let nextCall = 1;
let maxCalls = Number.POSITIVE_INFINITY;
/** Requests of handlers that have not ended. */
const pending = new Map<number, Pending>();
/** How many of them each event has. */
const openCalls = new Map<number, number>();
/** Requests of handlers that have ended. */
const leftBehind = new Map<number, Pending>();
/** Answers to them that nobody was to be given yet. */
let held: { readonly left: Pending; readonly answer: Answer }[] = [];
let heldLength = 0;

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

/** Asks the host for something on behalf of this event. */
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
  const call = nextCall++;
  put(['call', call, event, operation, args]);
  return new Promise((resolve, reject) => {
    const waiting = { event, resolve, reject, origin };
    if (isOpen(event)) {
      openCalls.set(event, open + 1);
      pending.set(call, waiting);
    } else leave(call, waiting);
  });
}

/** The host's answer; one that nobody can wait for is dropped. */
export function answer(call: number, given: Answer): void {
  const waiting = pending.get(call);
  if (waiting) {
    pending.delete(call);
    openCalls.set(waiting.event, (openCalls.get(waiting.event) ?? 1) - 1);
    settle(waiting, given);
    return;
  }
  const left = leftBehind.get(call);
  if (!left) return;
  leftBehind.delete(call);
  if (waitsForOthers()) settle(left, given);
  else hold(left, given);
}

/** The event is over: what it did not wait for is left behind. */
export function cancel(event: number): void {
  // Mostly nothing waits: then nothing is looked through.
  const open = openCalls.get(event);
  if (open === undefined) return;
  openCalls.delete(event);
  if (open === 0) return;
  for (const [call, waiting] of pending) {
    if (waiting.event !== event) continue;
    pending.delete(call);
    leave(call, waiting);
  }
}

/** Gives what is held to a handler that waits for it; `false` when there is nothing, or nobody. */
export function giveHeld(): boolean {
  if (held.length === 0 || !waitsForOthers()) return false;
  const given = held;
  held = [];
  heldLength = 0;
  for (const { left, answer } of given) settle(left, answer);
  return true;
}

/** Whether a handler is open that waits for nothing that it asked for itself. Microtasks must have run. */
function waitsForOthers(): boolean {
  for (const event of openRuns) if (!openCalls.get(event)) return true;
  return false;
}

function leave(call: number, waiting: Pending): void {
  leftBehind.set(call, waiting);
  if (leftBehind.size <= MAX_LEFT_BEHIND) return;
  for (const oldest of leftBehind.keys()) {
    leftBehind.delete(oldest);
    return;
  }
}

function hold(left: Pending, answer: Answer): void {
  held.push({ left, answer });
  heldLength += lengthOf(answer);
  while (held.length > MAX_LEFT_BEHIND || heldLength > MAX_HELD_LENGTH)
    heldLength -= lengthOf(held.shift()!.answer);
}

function lengthOf({ json, bytes }: Answer): number {
  return json.length + (bytes?.length ?? 0);
}

function settle(waiting: Pending, { ok, json, bytes }: Answer): void {
  const value: unknown = bytes ?? JSON.parse(json);
  if (ok) {
    waiting.resolve(value);
    return;
  }
  const { code, message } = value as { code: string; message: string };
  waiting.reject(new CapabilityError(code, message, waiting.origin));
}
