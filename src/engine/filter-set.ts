/** The filters of an engine: what they were compiled from, and what they turned out to be. */

import { type FilterOptions, OptionsError, parseFilterOptions } from '../policy/options.ts';
import { isPhase, type Phase } from '../policy/phases.ts';
import type { FilterScript } from '../runner/frames.ts';
import type { LoadReport } from '../runner/guest-border.ts';
import type { AskingFilter } from './calls.ts';
import type { FilterDescription } from './contract.ts';
import type { Logger } from './logger.ts';
import type { CheckedStep } from './step.ts';

/** Positions in a filter's source, for errors that name them. */
export interface StackMapper {
  /** A stack of the compiled script with the positions of the source. */
  mapStack(stack: string): string;
  /** `file:line:column` of its first frame in the source. */
  firstPosition(stack: string): string | undefined;
  /** `file:line:column` of the place where a name is exported. */
  exportOf(name: string): string | undefined;
}

/** A filter that is compiled. */
export interface LoadableFilter {
  readonly name: string;
  /** Its source file, for messages. */
  readonly path: string;
  readonly code: string;
  readonly settings: unknown;
  /** What the configuration sets over the filter's own options. */
  readonly overrides: Parameters<typeof parseFilterOptions>[1];
  readonly positions: StackMapper;
}

/** Filters that do not load: one line for each mistake, with file and line. */
export class FilterLoadError extends Error {
  readonly code = 'ERR_FILTER_LOAD';
  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.name = 'FilterLoadError';
  }
}

export class FilterSet {
  readonly #filters: readonly LoadableFilter[];
  readonly #logger: Logger;
  #descriptions: readonly FilterDescription[] = [];

  constructor(filters: readonly LoadableFilter[], logger: Logger) {
    this.#filters = filters;
    this.#logger = logger;
  }

  get descriptions(): readonly FilterDescription[] {
    return this.#descriptions;
  }

  get scripts(): readonly FilterScript[] {
    return this.#filters.map(({ name, code, settings }) => ({ name, code, settings }));
  }

  /** Options as far as they are known before the filters are loaded. */
  get preliminary(): readonly FilterOptions[] {
    return this.#filters.map(({ overrides }) => parseFilterOptions(undefined, overrides));
  }

  handling(phase: Phase): number[] {
    return this.#descriptions.flatMap(({ phases }, filter) => (phases.has(phase) ? [filter] : []));
  }

  at(filter: number): LoadableFilter & {
    readonly namespace: string;
    readonly description: FilterDescription | undefined;
  } {
    const found = this.#filters[filter];
    if (!found) throw new RangeError(`there is no filter ${filter}`);
    const description = this.#descriptions[filter];
    return { ...found, namespace: description?.options.namespace ?? found.name, description };
  }

  /** Who asks when this filter asks for something. */
  asking(filter: number): AskingFilter {
    const { name, namespace, description } = this.at(filter);
    return { filter: name, namespace, hosts: description?.options.http ?? [] };
  }

  description(filter: number): FilterDescription {
    const description = this.#descriptions[filter];
    if (!description) throw new RangeError(`there is no filter ${filter}`);
    return description;
  }

  /** Takes what the filters export; throws {@link FilterLoadError}. */
  resolve(reports: readonly LoadReport[]): readonly FilterOptions[] {
    const mistakes: string[] = [];
    const descriptions = this.#filters.map((filter, index) => {
      const report = reports[index] ?? { phases: [], unknown: [] };
      if (report.error) mistakes.push(failure(filter, report.error));
      return {
        name: filter.name,
        phases: new Set(report.phases.filter(isPhase)),
        options: this.#options(filter, report, mistakes),
      };
    });
    if (mistakes.length > 0) throw new FilterLoadError(mistakes);
    descriptions.forEach(({ phases }, index) => {
      this.#warn(index, phases, reports[index]!);
    });
    this.#descriptions = descriptions;
    return descriptions.map(({ options }) => options);
  }

  initError({ filter, failure: reason }: CheckedStep): FilterLoadError {
    const { message, stack } = reason!;
    return new FilterLoadError([
      failure(this.at(filter), { message: `init failed: ${message}`, stack }),
    ]);
  }

  #options(filter: LoadableFilter, report: LoadReport, mistakes: string[]): FilterOptions {
    try {
      return parseFilterOptions(report.options, filter.overrides);
    } catch (error) {
      if (!(error instanceof OptionsError)) throw error;
      const at = filter.positions.exportOf('options') ?? filter.path;
      for (const { path, message } of error.mistakes) mistakes.push(`${at}: ${path}: ${message}`);
      return parseFilterOptions(undefined, filter.overrides);
    }
  }

  #warn(index: number, phases: ReadonlySet<Phase>, { unknown }: LoadReport): void {
    const { name, path } = this.#filters[index]!;
    const fields = { filter: name, file: path };
    for (const other of unknown)
      this.#logger.warn(
        fields,
        `the filter exports "${other}", which is not a phase and is never called`,
      );
    if (phases.size === 0)
      this.#logger.warn(fields, 'the filter exports no phase: it does nothing');
  }
}

function failure(
  { path, positions }: LoadableFilter,
  { message, stack }: { message: string; stack: string },
): string {
  return `${positions.firstPosition(stack) ?? path}: ${message}`;
}
