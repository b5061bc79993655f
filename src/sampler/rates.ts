/** Sampling probabilities of a service: one for traces whose root has no rate of its own, and those of operations by the name of the root span. */
export interface HeadRates {
  readonly defaultRate: number;
  readonly operations: ReadonlyMap<string, number>;
}

/** An answer of a sampling endpoint that cannot be used; the message says why. */
export class BadStrategyError extends Error {}

/** Thresher answers with 256 operations at most; others may with more, but not without end. */
const operationsMax = 2000;

/**
 * Reads an answer of the Jaeger remote sampling protocol (`SamplingStrategyResponse` of api_v2/sampling.proto, in JSON). Operations win over
 * `probabilisticSampling`, as clients of that protocol have it. Strategies that have no probability (rate limits, lower bounds) cannot be sampled
 * consistently: a rate limit alone is refused, a lower bound is not followed.
 * Throws BadStrategyError; then nothing of the answer is to be used.
 */
export function parseRates(text: string): HeadRates {
  const answer = objectOf(parseJson(text), 'the answer');
  const operations = answer['operationSampling'];
  if (operations !== undefined && operations !== null) return operationRates(objectOf(operations, 'operationSampling'));
  const strategy = answer['strategyType'] ?? 'PROBABILISTIC';
  if (strategy !== 'PROBABILISTIC' && strategy !== 0) throw new BadStrategyError(`strategyType ${String(strategy)} has no probability`);
  return { defaultRate: samplingRate(answer, 'the answer'), operations: new Map() };
}

function operationRates(sampling: Readonly<Record<string, unknown>>): HeadRates {
  const strategies = sampling['perOperationStrategies'] ?? [];
  if (!Array.isArray(strategies) || strategies.length > operationsMax) throw new BadStrategyError(`perOperationStrategies is not a list of at most ${operationsMax} operations`);
  const operations = new Map<string, number>();
  for (const each of strategies as readonly unknown[]) {
    const strategy = objectOf(each, 'an operation');
    const name = strategy['operation'];
    if (typeof name !== 'string') throw new BadStrategyError('an operation has no name');
    operations.set(name, samplingRate(strategy, `operation ${name}`));
  }
  return { defaultRate: rateOf(sampling['defaultSamplingProbability'], 'defaultSamplingProbability'), operations };
}

function samplingRate(holder: Readonly<Record<string, unknown>>, place: string): number {
  return rateOf(objectOf(holder['probabilisticSampling'], `probabilisticSampling of ${place}`)['samplingRate'], `samplingRate of ${place}`);
}

/** JSON of protobuf leaves a zero out, so an absent rate would be 0; but a rate of 0 by mistake loses everything, so it is refused. */
function rateOf(value: unknown, place: string): number {
  if (typeof value === 'number' && value >= 0 && value <= 1) return value;
  throw new BadStrategyError(`${place} is no number from 0 to 1`);
}

function objectOf(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new BadStrategyError(`${place} is no object`);
  return value as Readonly<Record<string, unknown>>;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BadStrategyError('the answer is no JSON', { cause: error });
  }
}
