/** What is logged about filters: what they decide, why they failed and where, and what they say themselves. */

import { formatReply } from '../policy/smtp-reply.ts';
import { type Verdict, withoutDelay } from '../policy/verdict.ts';
import type { Dispatch } from './dispatch.ts';
import type { FilterSet } from './filter-set.ts';
import { LogBudget } from './log-budget.ts';
import type { Logger } from './logger.ts';
import type { CheckedStep } from './step.ts';

interface FilterLogReport {
  readonly filter: number;
  readonly level: keyof Logger;
  readonly text: string;
  readonly fields?: unknown;
  readonly stack?: string | undefined;
}

export class StepLog {
  readonly #filters: FilterSet;
  readonly #logger: Logger;

  readonly #budget: LogBudget;

  /** `logLines`: what one filter may log in a second. */
  constructor(filters: FilterSet, logger: Logger, logLines: number) {
    this.#filters = filters;
    this.#logger = logger;
    this.#budget = new LogBudget(logLines, (filter, lines) => {
      const { name } = filters.at(filter);
      logger.warn(
        { filter: name, leftOut: lines },
        `filter ${name} logs more than limits.logLines of ${logLines} a second: ${lines} lines or more are left out`,
      );
    });
  }

  step(step: CheckedStep, dispatch: Dispatch): void {
    const filter = this.#filters.at(step.filter);
    const { mode, onError } = filter.description!.options;
    const fields = { filter: filter.name, phase: dispatch.phase, ...where(dispatch) };
    if (step.failure) {
      const { kind, message, stack } = step.failure;
      const at = filter.positions.firstPosition(stack);
      const answered = mode === 'observe' ? 'nothing: it only observes' : onError;
      this.#logger.error(
        {
          ...fields,
          why: kind,
          ...(at === undefined ? {} : { at }),
          answered,
          ...(stack === '' ? {} : { stack: filter.positions.mapStack(stack) }),
        },
        `filter ${filter.name} failed in ${dispatch.phase}: ${message}`,
      );
      return;
    }
    const text = describe(step.verdict);
    const changes = step.modifications.map(({ kind }) => kind);
    if (text === undefined && changes.length === 0) return;
    const observed = mode === 'observe' ? { observed: true } : {};
    this.#logger.info(
      {
        ...fields,
        ...observed,
        verdict: text ?? 'continue',
        ...(changes.length > 0 ? { changes } : {}),
      },
      `filter ${filter.name}: ${text ?? 'continue'}${mode === 'observe' ? ' (only observed)' : ''}`,
    );
  }

  /** A line that a filter logs itself, or that its runner has to say about it. */
  filterSays(
    { filter, level, text, fields, stack }: FilterLogReport,
    dispatch: Dispatch | undefined,
  ): void {
    if (!this.#budget.allows(filter)) return;
    const { name, positions } = this.#filters.at(filter);
    const trace =
      stack === undefined
        ? {}
        : { at: positions.firstPosition(stack), stack: positions.mapStack(stack) };
    const own = fields === undefined || fields === null ? {} : { fields };
    this.#logger[level](
      {
        filter: name,
        ...(dispatch ? { phase: dispatch.phase, ...where(dispatch) } : {}),
        ...own,
        ...trace,
      },
      text,
    );
  }
}

function where({ session }: Dispatch): object {
  if (!session) return {};
  const queueId = session.host.queueId();
  return { session: session.id, ...(queueId === undefined ? {} : { queueId }) };
}

function describe(verdict: Verdict): string | undefined {
  const { verdict: inner, delayMs } = withoutDelay(verdict);
  const late = delayMs > 0 ? ` after ${delayMs} ms` : '';
  switch (inner.kind) {
    case 'continue':
      return delayMs > 0 ? `continue${late}` : undefined;
    case 'reject':
    case 'tempfail':
      return `${inner.kind}${inner.reply ? ` ${formatReply(inner.reply)}` : ''}${late}`;
    case 'accept':
      return `accept${inner.all ? ' for all filters' : ''}${late}`;
    case 'route':
      return `route to ${inner.host}:${inner.port}${late}`;
    case 'prepend':
    case 'redirect':
    case 'hold':
    case 'filter':
      return `${inner.kind} ${inner.text}${late}`;
    case 'discard':
    case 'skip':
      return `${inner.kind}${late}`;
    default:
      return inner.kind;
  }
}
