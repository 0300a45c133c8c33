/** The counters of a worker, as Prometheus understands them. */

import { Counter, Gauge, Registry } from 'prom-client';
import type { Counters } from '../capabilities/metrics.ts';
import type { CallOutcome } from '../kv/watched-store.ts';

/** Counters of one filter. */
const MAX_COUNTERS = 100;

/** Combinations of labels of one counter: each is a time series for ever. */
const MAX_SERIES = 1000;

/** A counter that cannot be; the filter's promise is rejected with it. */
export class MetricError extends Error {
  readonly code = 'ERR_METRIC';
  constructor(message: string) {
    super(message);
    this.name = 'MetricError';
  }
}

interface FilterCounter {
  readonly counter: Counter;
  readonly labels: readonly string[];
  readonly series: Set<string>;
}

export class Metrics implements Counters {
  readonly registry = new Registry();
  readonly #ofFilters = new Map<string, FilterCounter>();
  readonly #counted = new Map<string, number>();
  readonly #kvCalls: Counter;
  readonly #kvUp: Gauge;

  constructor() {
    const registers = [this.registry];
    this.#kvCalls = new Counter({
      name: 'postern_kv_calls_total',
      help: 'Calls of filters to stores, by what came of them',
      labelNames: ['store', 'outcome'],
      registers,
    });
    this.#kvUp = new Gauge({
      name: 'postern_kv_up',
      help: 'Whether a store answers (1) or not (0)',
      labelNames: ['store'],
      registers,
    });
  }

  kvCalled(store: string, outcome: CallOutcome): void {
    this.#kvCalls.inc({ store, outcome });
  }

  kvUp(store: string, isUp: boolean): void {
    this.#kvUp.set({ store }, isUp ? 1 : 0);
  }

  /** `metrics.count` of a filter: `postern_filter_NAME_total{filter="...",...}`. */
  count(filter: string, name: string, by: number, labels: Readonly<Record<string, string>>): void {
    if (Object.hasOwn(labels, 'filter'))
      throw new MetricError("metrics.count: the label 'filter' is set by the server");
    const known = this.#ofFilters.get(name) ?? this.#newCounter(filter, name, Object.keys(labels));
    const isSame =
      known.labels.length === Object.keys(labels).length &&
      known.labels.every((label) => Object.hasOwn(labels, label));
    if (!isSame)
      throw new MetricError(
        `metrics.count: the counter ${name} has the labels ${known.labels.join(', ') || '(none)'}; give it the same each time`,
      );
    const series = JSON.stringify([filter, ...known.labels.map((label) => labels[label])]);
    if (!known.series.has(series) && known.series.size >= MAX_SERIES)
      throw new MetricError(
        `metrics.count: the counter ${name} has ${MAX_SERIES} combinations of labels already; labels are for few values`,
      );
    known.series.add(series);
    known.counter.inc({ filter, ...labels }, by);
  }

  #newCounter(filter: string, name: string, labels: readonly string[]): FilterCounter {
    const counted = this.#counted.get(filter) ?? 0;
    if (counted >= MAX_COUNTERS)
      throw new MetricError(`metrics.count: filter ${filter} has ${MAX_COUNTERS} counters already`);
    this.#counted.set(filter, counted + 1);
    const counter = new Counter({
      name: `postern_filter_${name}_total`,
      help: `Counted by filters as ${name}`,
      labelNames: ['filter', ...labels],
      registers: [this.registry],
    });
    const known = { counter, labels, series: new Set<string>() };
    this.#ofFilters.set(name, known);
    return known;
  }
}
