/**
 * One filter in one isolate. Calls are synchronous and limited in time; whatever breaks a limit
 * makes the isolate suspect (a terminated call may have left microtasks behind that hang the next
 * one), so it is thrown away and built anew from cached code.
 */

import ivm from 'isolated-vm';
import type { FailureKind, FilterScript } from './frames.ts';
import { type GuestLimits, type LoadReport, SIGN } from './guest-border.ts';

const MIB = 1024 * 1024;

/** What isolated-vm says when a call ran into its time limit. */
const TIMED_OUT = 'Script execution timed out.';

/** More than a replaced body of 100 MB takes as JSON is no answer of a filter. */
const MAX_OUTPUT_LENGTH = 256 * MIB;

/** So much of what was thrown is told. */
const MAX_WHY_LENGTH = 200;

/** The isolate was lost in a call: every handler that waits in it is lost too. */
export class SandboxLost extends Error {
  readonly code = 'ERR_SANDBOX_LOST';
  readonly kind: FailureKind;
  constructor(kind: FailureKind, message: string) {
    super(message);
    this.name = 'SandboxLost';
    this.kind = kind;
  }
}

/** A promise of the filter was rejected and nobody handled it; the call itself went well. */
export type OnUnhandled = (stack: string) => void;

export interface SandboxLimits {
  readonly cpuMs: number;
  readonly memoryBytes: number;
}

type BorderFunction = ivm.Reference<(...args: unknown[]) => unknown>;

interface Border {
  readonly isolate: ivm.Isolate;
  readonly load: BorderFunction;
  readonly call: BorderFunction;
  readonly resume: BorderFunction;
  readonly result: BorderFunction;
  readonly drain: BorderFunction;
  readonly again: BorderFunction;
  readonly abandon: BorderFunction;
  readonly forget: BorderFunction;
}

const BORDER_FUNCTIONS = [
  'load',
  'call',
  'resume',
  'result',
  'drain',
  'again',
  'abandon',
  'forget',
] as const;

export class Sandbox {
  readonly #script: FilterScript;
  readonly #guest: string;
  readonly #loadMs: number;
  readonly #guestLimits: GuestLimits;
  readonly #onUnhandled: OnUnhandled;
  readonly #caches = new Map<string, ivm.ExternalCopy<ArrayBuffer>>();
  #limits: SandboxLimits;
  #border: Border | undefined;
  #incarnation = 0;

  constructor(
    script: FilterScript,
    guest: string,
    loadMs: number,
    limits: SandboxLimits,
    guestLimits: GuestLimits,
    onUnhandled: OnUnhandled,
  ) {
    this.#script = script;
    this.#guest = guest;
    this.#loadMs = loadMs;
    this.#limits = limits;
    this.#guestLimits = guestLimits;
    this.#onUnhandled = onUnhandled;
  }

  /** Counts the isolates that this filter has had; what an earlier one knew is gone. */
  get incarnation(): number {
    return this.#incarnation;
  }

  /** Makes an isolate and evaluates the filter in it. */
  load(): LoadReport {
    this.dispose();
    const isolate = new ivm.Isolate({
      memoryLimit: Math.max(8, Math.ceil(this.#limits.memoryBytes / MIB)),
    });
    this.#incarnation += 1;
    try {
      return this.#evaluate(isolate);
    } catch (error) {
      if (!isolate.isDisposed) isolate.dispose();
      this.#border = undefined;
      const { message, stack } = error as Error;
      const why =
        message === TIMED_OUT
          ? `took longer than limits.load of ${this.#loadMs} ms to load`
          : message;
      return { phases: [], unknown: [], error: { message: why, stack: stack ?? '' } };
    }
  }

  /** Keeps to these limits from now on. */
  limit(limits: SandboxLimits): void {
    const isOtherMemory = limits.memoryBytes !== this.#limits.memoryBytes;
    this.#limits = limits;
    if (isOtherMemory && this.#border) this.load();
  }

  /** GuestBorder.call; throws {@link SandboxLost}. */
  call(
    event: number,
    session: number,
    generation: number,
    call: string,
    buffer: Buffer,
    facts: readonly string[],
  ): string {
    const carried = buffer.length > 0 ? transfer(buffer) : undefined;
    return this.#enter('call', [event, session, generation, call, carried, ...facts]);
  }

  resume(): string {
    return this.#enter('resume', []);
  }

  /** GuestBorder.result, and what came of it. */
  result(
    event: number,
    call: number,
    ok: boolean,
    json: string,
    bytes: Buffer | undefined,
  ): string {
    this.#enter('result', [event, call, ok, json, bytes && transfer(bytes)]);
    return this.drain();
  }

  drain(): string {
    let output = this.#enter('drain', []);
    while (output === SIGN.more) output = this.#enter('drain', []);
    return output;
  }

  abandon(event: number): void {
    if (this.#border) this.#enter('abandon', [event]);
  }

  forget(session: number): void {
    if (this.#border) this.#enter('forget', [session]);
  }

  dispose(): void {
    if (this.#border && !this.#border.isolate.isDisposed) this.#border.isolate.dispose();
    this.#border = undefined;
  }

  #evaluate(isolate: ivm.Isolate): LoadReport {
    const context = isolate.createContextSync();
    const guest = this.#compile(isolate, 'postern:guest', this.#guest).runSync(context, {
      timeout: this.#loadMs,
      reference: true,
    }) as ivm.Reference<Record<string, unknown>>;
    const functions = BORDER_FUNCTIONS.map((name) => [
      name,
      guest.getSync(name, { reference: true }),
    ]);
    const border = { isolate, ...Object.fromEntries(functions) } as Border;
    const factory = this.#compile(
      isolate,
      `filter:${this.#script.name}`,
      this.#script.code,
    ).runSync(context, {
      timeout: this.#loadMs,
      reference: true,
    });
    const report = border.load.applySync(
      undefined,
      [
        factory.derefInto(),
        JSON.stringify(this.#script.settings ?? {}),
        JSON.stringify(this.#guestLimits),
      ],
      { timeout: this.#loadMs },
    );
    this.#border = border;
    return JSON.parse(String(report)) as LoadReport;
  }

  /** Compiled code of an earlier isolate of the same process makes a new one in 2 ms instead of 4. */
  #compile(isolate: ivm.Isolate, filename: string, code: string): ivm.Script {
    const cachedData = this.#caches.get(filename);
    if (cachedData) return isolate.compileScriptSync(code, { filename, cachedData });
    const script = isolate.compileScriptSync(code, { filename, produceCachedData: true });
    // Typed for compileScript and compileModule only.
    const { cachedData: produced } = script as { cachedData?: ivm.ExternalCopy<ArrayBuffer> };
    if (produced) this.#caches.set(filename, produced);
    return script;
  }

  #enter(name: Exclude<keyof Border, 'isolate' | 'again'>, args: unknown[]): string {
    const border = this.#border;
    if (!border)
      throw new SandboxLost('lost', `the isolate of filter ${this.#script.name} is gone`);
    const timeout = this.#limits.cpuMs;
    try {
      return this.#checked(border[name].applySync(undefined, args as never[], { timeout }));
    } catch (error) {
      const { message } = this.#survived(error, border);
      const output = this.#again(border, name, message);
      this.#onUnhandled(shownRejection(error));
      return output;
    }
  }

  /**
   * What the border's function returned, when something else was thrown: mostly a rejection that
   * nobody handled, since the guest library catches what handlers throw. The guest keeps nothing
   * when it was the function itself that threw.
   */
  #again(border: Border, name: string, why: string): string {
    let output: unknown;
    try {
      output = border.again.applySync(undefined, [], { timeout: this.#limits.cpuMs });
    } catch (error) {
      this.#survived(error, border);
      throw this.#lost('output', 'left too many rejected promises behind');
    }
    if (output !== undefined) return this.#checked(output);
    const what = why.slice(0, MAX_WHY_LENGTH);
    throw this.#lost(
      'output',
      `broke the library that it runs on, which threw in ${name}: ${what}`,
    );
  }

  /** What was thrown, if the isolate can go on; throws {@link SandboxLost} if it cannot. */
  #survived(error: unknown, border: Border): { message: string } {
    if (error instanceof SandboxLost) throw error;
    const message = error instanceof Error ? String(error.message) : `threw a ${typeof error}`;
    if (border.isolate.isDisposed) {
      throw this.#lost(
        'memory',
        `used more than its memory limit of ${this.#limits.memoryBytes / MIB} MB`,
      );
    }
    if (message === TIMED_OUT) {
      throw this.#lost(
        'cpu',
        `ran longer than its CPU limit of ${this.#limits.cpuMs} ms in one call`,
      );
    }
    return { message };
  }

  #checked(output: unknown): string {
    const text = output === undefined ? '' : String(output);
    if (text.length <= MAX_OUTPUT_LENGTH) return text;
    throw this.#lost('output', `said ${text.length} characters at once, too much for any answer`);
  }

  #lost(kind: FailureKind, what: string): SandboxLost {
    this.dispose();
    return new SandboxLost(kind, `filter ${this.#script.name} ${what}`);
  }
}

/** Where isolated-vm puts the host's frames behind those of the isolate. */
const BOUNDARY = /\n\s*at \(<isolated-vm boundary>\).*$/s;

/** Longer stacks are cut: a log line is no place for a message. */
const MAX_STACK = 8192;

/** What an author rejected a promise with. It can be anything; what cannot cross has the host's own stack. */
function shownRejection(error: unknown): string {
  if (!(error instanceof Error)) return `rejected with ${String(error)}`.slice(0, MAX_STACK);
  const own = String(error.stack).replace(BOUNDARY, '');
  return /\b(?:filter:|postern:guest)/.test(own)
    ? own.slice(0, MAX_STACK)
    : 'rejected with something that is no error';
}

/** A copy of the bytes that the isolate gets as an ArrayBuffer of its own. */
function transfer(bytes: Buffer): unknown {
  const copy = new Uint8Array(bytes).buffer;
  return new ivm.ExternalCopy(copy, { transferOut: true }).copyInto({
    release: true,
    transferIn: true,
  });
}
