/** What one service is told. */
export interface Strategy {
  readonly service: string;
  readonly rate: number;
  /** Why, in words. */
  readonly reason: string;
  /** When an answer to this service last changed, ns since the epoch; 0 where it never did. */
  readonly changedNano: bigint;
  /** Operations whose rate is another. */
  readonly operations: readonly OperationRate[];
}

export interface OperationRate {
  readonly operation: string;
  readonly rate: number;
}

/** Most operations in an answer: those whose rate is least, since most is saved there. */
export const strategyOperationsMax = 256;

/** The rate that goes for traces of an operation, as clients understand the answer. */
export function rateOf({ rate, operations }: Strategy, operation: string): number {
  return operations.find((own) => own.operation === operation)?.rate ?? rate;
}

/** An operation is worth telling below this part of its service's rate: what is seen of both varies, and an answer that changes leaves SDKs of unknown rates behind for a while. */
const worthTelling = 0.5;

/**
 * Operations worth telling: whose rate is clearly less than the service's. A span that begins as `GET` may be renamed to `GET /users` before it ends, and at the
 * head only the first is known: so an operation whose name others begin with has the greatest rate of them all.
 */
export function toldOperations(serviceRate: number, operations: readonly OperationRate[]): readonly OperationRate[] {
  const sorted = [...operations].sort((a, b) => (a.operation < b.operation ? -1 : 1));
  const told = sorted.map(({ operation, rate }, index) => {
    let most = rate;
    for (let next = index + 1; next < sorted.length && sorted[next].operation.startsWith(operation); next++) if (isRenamed(operation, sorted[next].operation)) most = Math.max(most, sorted[next].rate);
    return { operation, rate: most };
  });
  return told.filter(({ rate }) => rate < serviceRate * worthTelling).sort((a, b) => a.rate - b.rate || (a.operation < b.operation ? -1 : 1)).slice(0, strategyOperationsMax);
}

function isRenamed(first: string, last: string): boolean {
  return last.length > first.length && last[first.length] === ' ';
}

/** Nobody is held back by a bound on traces a second. */
const upperBoundTracesPerSecond = 1e6;

/**
 * The answer in JSON (jaeger-idl, sampling.proto in proto3 JSON), as clients bear it: `strategyType` as a string, `operationSampling` only with operations and
 * then whole, no other field. A lower bound would let traces pass whose probability nobody knows (sampling.md, rule 22), so it is 0.
 */
export function strategyJson({ rate, operations }: Pick<Strategy, 'rate' | 'operations'>): string {
  const perOperation = operations.map((own) => ({ operation: own.operation, probabilisticSampling: { samplingRate: own.rate } }));
  return JSON.stringify({
    strategyType: 'PROBABILISTIC', probabilisticSampling: { samplingRate: rate },
    ...(perOperation.length === 0 ? {} : { operationSampling: {
      defaultSamplingProbability: rate, defaultLowerBoundTracesPerSecond: 0, defaultUpperBoundTracesPerSecond: upperBoundTracesPerSecond, perOperationStrategies: perOperation } }),
  });
}

const utf8 = new TextEncoder();

/** The same as a SamplingStrategyResponse of proto/jaeger-sampling.proto. Values of 0 are left out, as proto3 has it; messages are not. */
export function strategyProtobuf({ rate, operations }: Pick<Strategy, 'rate' | 'operations'>): Uint8Array {
  const operationSampling = operations.length === 0 ? [] : delimited(4, [
    ...double(1, rate),
    ...operations.flatMap((own) => delimited(3, [...delimited(1, [utf8.encode(own.operation)]), ...delimited(2, double(1, own.rate))])),
    ...double(4, upperBoundTracesPerSecond)]);
  return joined([...delimited(2, double(1, rate)), ...operationSampling]);
}

function double(field: number, value: number): Uint8Array[] {
  if (value === 0) return [];
  const bytes = new Uint8Array(9);
  bytes[0] = (field << 3) | 1;
  new DataView(bytes.buffer).setFloat64(1, value, true);
  return [bytes];
}

function delimited(field: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const length: number[] = [];
  let rest = parts.reduce((sum, part) => sum + part.length, 0);
  for (; rest >= 0x80; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
  return [Uint8Array.from([(field << 3) | 2, ...length, rest]), ...parts];
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
