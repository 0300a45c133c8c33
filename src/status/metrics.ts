/** The counters of a worker, as Prometheus understands them. */

import { Counter, Gauge, Registry } from 'prom-client';
import type { Counters } from '../capabilities/metrics.ts';
import type { CallOutcome } from '../kv/watched-store.ts';

/** Names of counters of one filter. */
const MAX_COUNTERS = 100;

/** Combinations of labels of one counter of one filter: each is a time series for ever. */
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
  /** The filter that counted first, and so chose the labels. */
  readonly chosenBy: string;
}

export class Metrics implements Counters {
  readonly registry = new Registry();
  readonly #counters = new Map<string, FilterCounter>();
  /** By filter and name of the counter: no filter uses up what another may have. */
  readonly #series = new Map<string, Map<string, Set<string>>>();
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
    const known = this.#counters.get(name);
    if (known && !hasLabels(labels, known)) throw otherLabels(filter, name, known);
    const order = known?.labels ?? Object.keys(labels);
    this.#admit(filter, name, JSON.stringify(order.map((label) => labels[label])));
    const { counter } = known ?? this.#newCounter(filter, name, order);
    counter.inc({ filter, ...labels }, by);
  }

  /** Notes a series of a filter; throws when the filter has too many. */
  #admit(filter: string, name: string, series: string): void {
    const counters = this.#series.get(filter) ?? new Map<string, Set<string>>();
    const known = counters.get(name) ?? new Set<string>();
    if (known.size === 0 && counters.size >= MAX_COUNTERS)
      throw new MetricError(`metrics.count: filter ${filter} has ${MAX_COUNTERS} counters already`);
    if (!known.has(series) && known.size >= MAX_SERIES)
      throw new MetricError(
        `metrics.count: the counter ${name} has ${MAX_SERIES} combinations of labels in filter ${filter} already; labels are for few values`,
      );
    known.add(series);
    counters.set(name, known);
    this.#series.set(filter, counters);
  }

  #newCounter(filter: string, name: string, labels: readonly string[]): FilterCounter {
    const counter = new Counter({
      name: `postern_filter_${name}_total`,
      help: `Counted by filters as ${name}`,
      labelNames: ['filter', ...labels],
      registers: [this.registry],
    });
    const known = { counter, labels, chosenBy: filter };
    this.#counters.set(name, known);
    return known;
  }
}

function hasLabels(labels: Readonly<Record<string, string>>, known: FilterCounter): boolean {
  return (
    known.labels.length === Object.keys(labels).length &&
    known.labels.every((label) => Object.hasOwn(labels, label))
  );
}

function otherLabels(filter: string, name: string, { labels, chosenBy }: FilterCounter) {
  const has = `metrics.count: the counter ${name} has the labels ${labels.join(', ') || '(none)'}`;
  return new MetricError(
    chosenBy === filter
      ? `${has}; give it the same each time`
      : `${has} from filter ${chosenBy}, which counted it first; give it the same, or give the counter another name`,
  );
}
