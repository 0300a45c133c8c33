/** Performs what a handler asked for, and makes an answer of what comes of it. */

import type { Capabilities } from '../capabilities/capabilities.ts';
import { failureOf } from '../capabilities/failure.ts';
import type { CallReport, CallResult } from '../runner/frames.ts';
import type { Dispatch } from './dispatch.ts';

/** A handler that is over may still have asked for something before it ended, such as a `set`: it is performed. */
const NEVER_ABORTED = new AbortController().signal;

/** The filter on whose behalf something is performed. */
export interface AskingFilter {
  readonly filter: string;
  readonly namespace: string;
  readonly hosts: readonly string[];
}

/** Never rejects: a failure is an answer too. */
export async function performCall(
  capabilities: Capabilities,
  { operation, args }: CallReport,
  dispatch: Dispatch | undefined,
  filter: AskingFilter,
): Promise<CallResult> {
  const host = dispatch?.session?.host;
  try {
    const value = await capabilities.perform(operation, args, {
      ...filter,
      session: host?.leaseOwner ?? dispatch?.session,
      body: host && (() => host.body()),
      progress: host && dispatch.phase === 'eom' ? () => host.progress() : undefined,
      signal: dispatch?.abort.signal ?? NEVER_ABORTED,
    });
    return value instanceof Uint8Array ? { ok: true, bytes: value } : { ok: true, value };
  } catch (error) {
    return { ok: false, ...failureOf(error) };
  }
}
