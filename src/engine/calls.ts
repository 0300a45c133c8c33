/**
 * Performs what handlers ask for. A request comes out of a process in which anything may
 * have happened: it concerns the call that its runner and its filter are in the middle of, or
 * nothing at all.
 */

import type { Capabilities, CapabilityContext } from '../capabilities/capabilities.ts';
import { CapabilityFailure, failureOf } from '../capabilities/failure.ts';
import type { CallReport, CallResult } from '../runner/frames.ts';
import type { Dispatch } from './dispatch.ts';

/** The filter on whose behalf something is performed. */
export type AskingFilter = Pick<CapabilityContext, 'filter' | 'namespace' | 'hosts'>;

export interface CallLimits {
  /** What one handler may ask for and not yet have. */
  readonly calls: number;
}

/** Characters of an answer as JSON; bytes (a body) go beside it. */
const MAX_ANSWER_LENGTH = 64 * 1024 * 1024;

export class CallDesk {
  readonly #capabilities: Capabilities;
  readonly #limits: CallLimits;

  constructor(capabilities: Capabilities, limits: CallLimits) {
    this.#capabilities = capabilities;
    this.#limits = limits;
  }

  /**
   * Never rejects: a failure is an answer too. `dispatch`: the call that the handler belongs to;
   * `undefined` when it is over, or never was this filter's.
   */
  async perform(
    { operation, args, filter }: CallReport,
    dispatch: Dispatch | undefined,
    asking: AskingFilter,
  ): Promise<CallResult> {
    if (!dispatch) return failed('ERR_OVER', `${shown(operation)}: the handler that asks is over`);
    const open = dispatch.openCalls.get(filter) ?? 0;
    if (open >= this.#limits.calls)
      return failed(
        'ERR_CALLS',
        `${shown(operation)}: this handler waits for ${open} answers already, which is limits.calls`,
      );
    dispatch.openCalls.set(filter, open + 1);
    try {
      const value = await this.#capabilities.perform(operation, args, contextOf(dispatch, asking));
      return value instanceof Uint8Array ? { ok: true, bytes: value } : answered(operation, value);
    } catch (error) {
      const { code, message } = failureOf(error);
      return failed(code, message);
    } finally {
      dispatch.openCalls.set(filter, (dispatch.openCalls.get(filter) ?? 1) - 1);
    }
  }
}

function contextOf(dispatch: Dispatch, asking: AskingFilter): CapabilityContext {
  const { session } = dispatch;
  const host = session?.host;
  return {
    ...asking,
    session: host?.leaseOwner ?? session,
    body: host && (() => host.body()),
    progress: host && dispatch.phase === 'eom' ? () => host.progress() : undefined,
    // Made when somebody asks for it, which most requests do not.
    get signal() {
      return dispatch.signal;
    },
  };
}

function answered(operation: string, value: unknown): CallResult {
  let json: string | undefined;
  try {
    json = JSON.stringify(value ?? null);
  } catch (error) {
    // Longer than any string can be.
    if (!(error instanceof RangeError)) throw error;
    json = undefined;
  }
  if (json !== undefined && json.length <= MAX_ANSWER_LENGTH) return { ok: true, json };
  throw new CapabilityFailure(
    'ERR_ANSWER_SIZE',
    `${shown(operation)}: the answer is too large for a filter (more than ${MAX_ANSWER_LENGTH} characters); ask for less at once`,
  );
}

function failed(code: string, message: string): CallResult {
  return { ok: false, json: JSON.stringify({ code, message }) };
}

/** A name that came out of a sandbox. */
function shown(operation: string): string {
  return operation.slice(0, 40);
}
