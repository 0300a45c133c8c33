/** What a worker and its runner say to each other, and how each frame looks. Used by both ends. */

import type { FilterOptions } from '../policy/options.ts';
import { FACT_GROUPS, type FactEntry, type FactGroup } from './fact-log.ts';
import { FrameError, type FrameReader, type FrameWriter } from './frame-stream.ts';
import type { GuestLimits, LoadReport } from './guest-border.ts';
import type { ParseLimits } from './mime/limits.ts';
import type { OutboxItem } from './outbox-item.ts';

/** Frame types. The worker's are below 16. */
export const FRAME = {
  load: 1,
  start: 2,
  open: 3,
  event: 4,
  result: 5,
  cancel: 6,
  forget: 7,
  loaded: 16,
  started: 17,
  begun: 18,
  step: 19,
  done: 20,
  call: 21,
  log: 22,
  ack: 23,
  rebuilt: 24,
} as const;

/** A filter as the runner gets it: code, no paths and no secrets. */
export interface FilterScript {
  readonly name: string;
  readonly code: string;
  readonly settings: unknown;
}

/** `load`: evaluate these filters. Answered by `loaded`, a LoadReport for each. */
export interface LoadOrder {
  readonly title: string;
  readonly guest: string;
  readonly filters: readonly FilterScript[];
  /** What to keep to until `start`: the filters' own options are not known yet. */
  readonly options: readonly FilterOptions[];
  readonly loadMs: number;
  /** The longest state that a filter may keep, as JSON. */
  readonly stateBytes: number;
  /** How many changes of one message a filter may ask for. */
  readonly modifications: number;
  readonly guestLimits: GuestLimits;
  /** What parsing a message may cost; without it the defaults. */
  readonly parse?: ParseLimits;
}

/** `start`: keep to these options from now on. Answered by `started`. */
export interface StartOrder {
  readonly options: readonly FilterOptions[];
}

/** `open` (id: session): a session that this runner has not seen, and its filters' states by filter. */
export interface SessionOrder {
  readonly id: string;
  /** The message that the states of messages belong to. */
  readonly generation: number;
  readonly states: Readonly<Record<number, KeptStates>>;
}

/** A filter's states of one session, as JSON texts. */
export interface KeptStates {
  readonly session?: string;
  readonly message?: string;
}

/** `event` (id: event): run a phase in these filters, in order. */
export interface EventOrder {
  readonly event: number;
  readonly session: number;
  /** Which message it belongs to; 0: none. */
  readonly generation: number;
  readonly filters: readonly number[];
  readonly facts: readonly FactEntry[];
  /** What filters did to the message earlier in this chain, as facts. */
  readonly earlier: readonly string[];
  /** A GuestCall as JSON. */
  readonly call: string;
  /** The chunks of a `body` call, one behind the other. */
  readonly buffer: Buffer;
}

export function writeEvent(
  writer: FrameWriter,
  order: Omit<EventOrder, 'buffer'>,
  chunks: readonly Uint8Array[],
): void {
  writer.begin(FRAME.event, order.event).u32(order.session).u32(order.generation);
  writer.u8(order.filters.length);
  for (const filter of order.filters) writer.u8(filter);
  writer.u32(order.facts.length);
  for (const { group, generation, fact } of order.facts) {
    writer.u8(FACT_GROUPS.indexOf(group)).u32(generation).text(fact);
  }
  writer.u32(order.earlier.length);
  for (const fact of order.earlier) writer.text(fact);
  writer.text(order.call);
  writer.bytes(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
  writer.finish();
}

export function readEvent(frame: FrameReader): EventOrder {
  const session = frame.u32();
  const generation = frame.u32();
  const filters = list(frame.u8(), () => frame.u8());
  const facts = list(frame.u32(), () => ({
    group: factGroup(frame.u8()),
    generation: frame.u32(),
    fact: frame.text(),
  }));
  const earlier = list(frame.u32(), () => frame.text());
  return {
    event: frame.id,
    session,
    generation,
    filters,
    facts,
    earlier,
    call: frame.text(),
    buffer: frame.bytes(),
  };
}

/** `result` (id: call): the answer to a capability request, JSON or bytes. */
export type CallResult =
  | { readonly ok: true; readonly bytes: Uint8Array }
  /** A value as JSON, or what went wrong: `{ code, message }`. */
  | { readonly ok: boolean; readonly json: string };

export function writeResult(writer: FrameWriter, call: number, result: CallResult): void {
  writer.begin(FRAME.result, call).u8(result.ok ? 1 : 0);
  if ('bytes' in result) writer.u8(1).bytes(result.bytes);
  else writer.u8(0).text(result.json);
  writer.finish();
}

export interface ReadResult {
  readonly ok: boolean;
  readonly json: string;
  readonly bytes: Buffer | undefined;
}

export function readResult(frame: FrameReader): ReadResult {
  const ok = frame.u8() === 1;
  return frame.u8() === 1
    ? { ok, json: '', bytes: frame.bytes() }
    : { ok, json: frame.text(), bytes: undefined };
}

/** Frames whose payload is JSON alone. */
export function writeJson(writer: FrameWriter, type: number, id: number, payload: unknown): void {
  writer.begin(type, id).text(JSON.stringify(payload)).finish();
}

/** Frames without a payload beyond their id. */
export function writeBare(writer: FrameWriter, type: number, id: number): void {
  writer.begin(type, id).finish();
}

/** `begun` (id: event): this filter's handler awaits something; those before it have ended. */
export function writeBegun(writer: FrameWriter, event: number, filter: number): void {
  writer.begin(FRAME.begun, event).u8(filter).finish();
}

/** Why a handler did not give a verdict of its own. */
export const FAILURE_KINDS = ['throw', 'cpu', 'wall', 'memory', 'lost', 'output'] as const;

export type FailureKind = (typeof FAILURE_KINDS)[number];

/** `step` (id: event): a filter's handler ended with something to say. The worker checks it all. */
export interface StepReport {
  readonly filter: number;
  readonly verdict?: unknown;
  readonly modifications?: unknown;
  readonly sessionState?: string;
  readonly messageState?: string;
  readonly failure?: {
    readonly kind: FailureKind;
    readonly message: string;
    readonly stack: string;
  };
}

/** `call` (id: call): a handler asks for a capability. */
export interface CallReport {
  readonly event: number;
  readonly filter: number;
  readonly operation: string;
  readonly args: readonly unknown[];
}

/** `log`: a filter logs, or the runner has something to say about it. */
export interface LogReport {
  readonly filter: number;
  readonly event: number;
  readonly level: Extract<OutboxItem, readonly ['log', ...unknown[]]>[2];
  readonly text: string;
  readonly fields: unknown;
  /** Where it came from, when the runner knows. */
  readonly stack?: string;
}

/** `loaded`: one report a filter, in order. */
export type LoadedReport = readonly LoadReport[];

function factGroup(index: number): FactGroup {
  const group = FACT_GROUPS[index];
  if (group === undefined) {
    throw new FrameError(`group of a fact: expected 0 to ${FACT_GROUPS.length - 1}, got ${index}`);
  }
  return group;
}

function list<T>(length: number, read: () => T): T[] {
  const items: T[] = [];
  for (let index = 0; index < length; index += 1) items.push(read());
  return items;
}
