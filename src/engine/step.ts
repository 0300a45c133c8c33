/** What a runner reports, checked: it comes from a process in which anything may have happened. */

import { z } from 'zod';
import type { Modification } from '../policy/modification.ts';
import type { Phase } from '../policy/phases.ts';
import { parseReply } from '../policy/smtp-reply.ts';
import { CONTINUE, misplaced, type Verdict } from '../policy/verdict.ts';
import { FAILURE_KINDS } from '../runner/frames.ts';

/** A reply of this class and of no other: a `reject` with 451 would be a `tempfail`. */
const replyOf = (replyClass: 4 | 5) =>
  z
    .object({ code: z.number(), enhanced: z.string().optional(), lines: z.array(z.string()) })
    .transform(
      ({ code, enhanced, lines }) => parseReply([code, enhanced ?? '', lines], replyClass)!,
    );

/** What would be more than one line to whoever is told. */
const ONE_LINE = /^[^\0\r\n]*$/;

const VerdictSchema: z.ZodType<Verdict> = z.lazy(() =>
  z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('continue') }),
    z.object({ kind: z.literal('accept'), all: z.boolean().exactOptional() }),
    z.object({ kind: z.literal('reject'), reply: replyOf(5).exactOptional() }),
    z.object({ kind: z.literal('tempfail'), reply: replyOf(4).exactOptional() }),
    z.object({ kind: z.literal('discard') }),
    z.object({ kind: z.literal('skip') }),
    z.object({
      kind: z.literal('route'),
      host: z.string(),
      port: z.number().int().min(1).max(65_535),
      user: z.string().exactOptional(),
    }),
    z.object({
      kind: z.enum(['prepend', 'redirect', 'hold', 'filter']),
      text: z.string().max(998).regex(ONE_LINE),
    }),
    z.object({ kind: z.literal('delay'), ms: z.number().min(0), answer: VerdictSchema }),
  ]),
);

const HeaderValue = z.union([z.object({ text: z.string() }), z.object({ bytes: z.string() })]);
const header = { name: z.string(), value: HeaderValue };
const nth = z.number().int().min(1);
const envelope = { address: z.string(), args: z.array(z.string()) };

const ModificationSchema: z.ZodType<Modification> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('addHeader'), ...header }),
  z.object({ kind: z.literal('insertHeader'), index: z.number().int().min(0), ...header }),
  z.object({
    kind: z.literal('insertHeaderBeside'),
    side: z.enum(['before', 'after']),
    other: z.number().int().min(0),
    ...header,
  }),
  z.object({ kind: z.literal('changeHeader'), nth, ...header }),
  z.object({ kind: z.literal('deleteHeader'), name: z.string(), nth: nth.exactOptional() }),
  z.object({ kind: z.literal('setSender'), ...envelope }),
  z.object({ kind: z.literal('addRecipient'), ...envelope }),
  z.object({ kind: z.literal('deleteRecipient'), address: z.string() }),
  z.object({ kind: z.literal('replaceBody'), body: z.string() }),
  z.object({ kind: z.literal('quarantine'), reason: z.string() }),
]);

const Step = z.object({
  filter: z.number().int().min(0),
  verdict: VerdictSchema.optional(),
  modifications: z.array(ModificationSchema).optional(),
  sessionState: z.string().optional(),
  messageState: z.string().optional(),
  failure: z
    .object({ kind: z.enum(FAILURE_KINDS), message: z.string(), stack: z.string() })
    .optional(),
});

export const CallReportSchema = z.object({
  event: z.number(),
  filter: z.number().int().min(0),
  operation: z.string(),
  args: z.array(z.unknown()),
});

export const LogReportSchema = z.object({
  filter: z.number().int().min(0),
  event: z.number(),
  level: z.enum(['debug', 'info', 'warn', 'error']),
  text: z.string(),
  fields: z.unknown(),
  stack: z.string().optional(),
});

export const LoadedReportSchema = z.array(
  z.object({
    phases: z.array(z.string()),
    unknown: z.array(z.string()),
    options: z.unknown().optional(),
    error: z.object({ message: z.string(), stack: z.string() }).optional(),
  }),
);

export interface Failure {
  readonly kind: (typeof FAILURE_KINDS)[number];
  readonly message: string;
  readonly stack: string;
}

/** One filter's part in an event. */
export interface CheckedStep {
  readonly filter: number;
  readonly verdict: Verdict;
  readonly modifications: readonly Modification[];
  readonly sessionState: string | undefined;
  readonly messageState: string | undefined;
  readonly failure: Failure | undefined;
}

/** Checks a step; one that makes no sense is a failure of its filter. Throws when not even the filter is named. */
export function checkStep(report: unknown, phase: Phase): CheckedStep {
  const result = parseSafely(report);
  if (!result.success) {
    const { filter } = z.object({ filter: z.number().int().min(0) }).parse(report);
    return failedStep(filter, {
      kind: 'output',
      message: `gave an answer that is none: ${result.why}`,
      stack: '',
    });
  }
  const {
    filter,
    verdict = CONTINUE,
    modifications = [],
    sessionState,
    messageState,
    failure,
  } = result.data;
  if (failure) return failedStep(filter, failure);
  const why =
    misplaced(verdict, phase) ??
    (modifications.length > 0 && phase !== 'eom'
      ? 'a message can be changed in eom only'
      : undefined);
  if (why !== undefined) return failedStep(filter, { kind: 'output', message: why, stack: '' });
  return { filter, verdict, modifications, sessionState, messageState, failure: undefined };
}

function parseSafely(
  report: unknown,
): { success: true; data: z.infer<typeof Step> } | { success: false; why: string } {
  try {
    const { success, data, error } = Step.safeParse(report);
    return success
      ? { success, data }
      : { success, why: z.prettifyError(error).split('\n').slice(0, 2).join(' ') };
  } catch (error) {
    // parseReply throws for a reply that no MTA would send.
    return { success: false, why: (error as Error).message };
  }
}

/** The step of a handler that failed: its verdict is up to the filter's `onError`. */
export function failedStep(filter: number, failure: Failure): CheckedStep {
  return {
    filter,
    verdict: CONTINUE,
    modifications: [],
    sessionState: undefined,
    messageState: undefined,
    failure,
  };
}
