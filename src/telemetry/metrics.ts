import { assert } from '../base/assert.ts';
import { expositionOf, type SeriesSnapshot } from './exposition.ts';
import { Histogram } from './histogram.ts';

export type MetricType = 'counter' | 'gauge' | 'histogram';

/** Where the dashboard and docs/operations.md show a metric. */
export type MetricRow = 'intake' | 'windows' | 'policies' | 'certificate' | 'head' | 'export' | 'memory' | 'process';

/** One metric, declared as data. Names follow Prometheus: base units, `_total` on counters. */
export interface MetricDefinition {
  readonly type: MetricType;
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  /** Upper bounds of a histogram's buckets, ascending, without +Inf. */
  readonly buckets?: readonly number[];
  /** Distinct label sets that are kept apart (default 200); further ones are folded into one whose values are "other". */
  readonly seriesMax?: number;
  readonly row?: MetricRow;
  /** What a high value means to whoever runs the process. */
  readonly high?: string;
}

export type LabelNames<D extends MetricDefinition> = D extends { readonly labels: readonly (infer L extends string)[] } ? L : never;

/** The labels that a definition asks for: a value for each name, nothing for a metric without labels. */
export type LabelsOf<D extends MetricDefinition> = [LabelNames<D>] extends [never] ? undefined : Readonly<Record<LabelNames<D>, string>>;

type LabelArguments<D extends MetricDefinition> = LabelsOf<D> extends undefined ? [] : [labels: LabelsOf<D>];

/** Returns its argument; its type checks the definitions and remembers each one's label names. */
export function declareMetrics<const T extends Readonly<Record<string, MetricDefinition>>>(definitions: T): T {
  return definitions;
}

const seriesMaxDefault = 200;
const separator = '\u0000';
const labelOverflow = {
  type: 'counter',
  name: 'thresher_metric_label_overflow_total',
  help: 'Label sets that came after a metric had its greatest number of series and were folded into "other".',
  labels: ['metric'],
} as const satisfies MetricDefinition;

/** All series of one metric: a value of type `S` for each label set, bounded in number. */
class Family<S> {
  readonly definition: MetricDefinition;
  readonly series = new Map<string, { readonly labelValues: readonly string[]; readonly state: S }>();
  readonly #create: () => S;
  readonly #onOverflow: () => void;

  constructor(definition: MetricDefinition, create: () => S, onOverflow: () => void) {
    this.definition = definition;
    this.#create = create;
    this.#onOverflow = onOverflow;
    if ((definition.labels ?? []).length === 0) this.#add('', []);
  }

  at(labels: Readonly<Record<string, string>> | undefined): S {
    const names = this.definition.labels ?? [];
    const values = this.#valuesOf(labels);
    const key = values.join(separator);
    const known = this.series.get(key);
    if (known !== undefined) return known.state;
    if (this.series.size < (this.definition.seriesMax ?? seriesMaxDefault)) return this.#add(key, values);
    this.#onOverflow();
    const other = names.map(() => 'other');
    const otherKey = other.join(separator);
    return this.series.get(otherKey)?.state ?? this.#add(otherKey, other);
  }

  forget(labels: Readonly<Record<string, string>> | undefined): void {
    this.series.delete(this.#valuesOf(labels).join(separator));
  }

  #valuesOf(labels: Readonly<Record<string, string>> | undefined): readonly string[] {
    return (this.definition.labels ?? []).map((name) => labels?.[name] ?? '');
  }

  #add(key: string, labelValues: readonly string[]): S {
    const state = this.#create();
    this.series.set(key, { labelValues, state });
    return state;
  }
}

/** One number that only grows. */
export class CounterSeries {
  #value = 0;

  get value(): number {
    return this.#value;
  }

  add(n: number): void {
    assert(n >= 0 && n < Infinity, `a counter grows by a finite amount, got ${n}`);
    this.#value += n;
  }
}

/** One number that is set. */
export class GaugeSeries {
  value = 0;

  set(value: number): void {
    this.value = value;
  }

  add(n: number): void {
    this.value += n;
  }
}

export interface Counter<D extends MetricDefinition> {
  add(n: number, ...labels: LabelArguments<D>): void;
  /** The series of one label set, to be kept by callers that count often. */
  with(...labels: LabelArguments<D>): CounterSeries;
}

export interface Gauge<D extends MetricDefinition> {
  set(value: number, ...labels: LabelArguments<D>): void;
  with(...labels: LabelArguments<D>): GaugeSeries;
  /** Forgets all series, for gauges that say what there is by their labels. */
  clear(): void;
  /** Forgets one of them. */
  forget(...labels: LabelArguments<D>): void;
}

export interface HistogramFamily<D extends MetricDefinition> {
  observe(value: number, ...labels: LabelArguments<D>): void;
  with(...labels: LabelArguments<D>): Histogram;
}

type State = CounterSeries | GaugeSeries | Histogram;

/**
 * The metrics of one process (or one test): made on first use from their definitions, read by `text()`.
 * A name belongs to one definition; using it with another type is an error of the program.
 */
export class MetricRegistry {
  readonly #families = new Map<string, Family<State>>();
  readonly #collectors: (() => void)[] = [];

  counter<D extends MetricDefinition & { readonly type: 'counter' }>(definition: D): Counter<D> {
    const at = this.#accessor(definition, CounterSeries, () => new CounterSeries());
    return { add: (n, ...[labels]) => at(labels).add(n), with: (...[labels]) => at(labels) };
  }

  gauge<D extends MetricDefinition & { readonly type: 'gauge' }>(definition: D): Gauge<D> {
    const at = this.#accessor(definition, GaugeSeries, () => new GaugeSeries());
    return {
      set: (value, ...[labels]) => at(labels).set(value), with: (...[labels]) => at(labels),
      clear: () => this.#families.get(definition.name)?.series.clear(), forget: (...[labels]) => this.#families.get(definition.name)?.forget(labels),
    };
  }

  histogram<D extends MetricDefinition & { readonly type: 'histogram' }>(definition: D): HistogramFamily<D> {
    const at = this.#accessor(definition, Histogram, () => new Histogram(definition.buckets));
    return { observe: (value, ...[labels]) => at(labels).observe(value), with: (...[labels]) => at(labels) };
  }

  /** Adds to a counter by labels that only the running program knows. */
  grow(definition: MetricDefinition, n: number, labels: Readonly<Record<string, string>>): void {
    this.#accessor(definition, CounterSeries, () => new CounterSeries())(labels).add(n);
  }

  /** Sets a gauge likewise. */
  put(definition: MetricDefinition, value: number, labels: Readonly<Record<string, string>>): void {
    this.#accessor(definition, GaugeSeries, () => new GaugeSeries())(labels).set(value);
  }

  /** Runs `collect` before each reading: for gauges that are cheaper to look up than to keep. */
  onRead(collect: () => void): void {
    this.#collectors.push(collect);
  }

  /** A counter's or gauge's number now (a histogram's number of observations); 0 where nothing was recorded. */
  value(definition: MetricDefinition, labels?: Readonly<Record<string, string>>): number {
    const values = (definition.labels ?? []).map((name) => labels?.[name] ?? '');
    const state = this.#families.get(definition.name)?.series.get(values.join(separator))?.state;
    if (state === undefined) return 0;
    return state instanceof Histogram ? state.count : state.value;
  }

  /** A counter's or gauge's numbers of all label sets together. */
  total(definition: MetricDefinition): number {
    let sum = 0;
    for (const { state } of this.#families.get(definition.name)?.series.values() ?? []) sum += state instanceof Histogram ? state.count : state.value;
    return sum;
  }

  /** All series in the Prometheus text exposition format 0.0.4, metrics in order of their names. */
  text(): string {
    for (const collect of this.#collectors) collect();
    const names = [...this.#families.keys()].sort();
    return names.map((name) => this.#textOf(name)).join('');
  }

  #textOf(name: string): string {
    const family = this.#families.get(name);
    if (family === undefined) return '';
    const series = [...family.series.values()].map(({ labelValues, state }): SeriesSnapshot => (
      { labelValues, value: state instanceof Histogram ? state.snapshot() : state.value }));
    return expositionOf(family.definition, series);
  }

  #accessor<S extends State>(
    definition: MetricDefinition, kind: new (...args: never[]) => S, create: () => S,
  ): (labels: Readonly<Record<string, string>> | undefined) => S {
    let family = this.#families.get(definition.name);
    if (family === undefined) {
      family = new Family<State>(definition, create, () => this.#overflowed(definition));
      this.#families.set(definition.name, family);
    }
    assert(family.definition.type === definition.type, `metric ${definition.name} is declared twice, with two types`);
    const found = family;
    return (labels) => {
      const state = found.at(labels);
      assert(state instanceof kind, `metric ${definition.name} has series of another type`);
      return state;
    };
  }

  #overflowed(definition: MetricDefinition): void {
    if (definition.name !== labelOverflow.name) this.counter(labelOverflow).add(1, { metric: definition.name });
  }
}
