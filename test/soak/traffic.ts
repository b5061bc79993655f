import { otlpBytes } from '../support/otlp-bytes.ts';

/**
 * Spans that say by their number alone what should become of them: span n is of trace floor(n / 5), and the id of trace t ends with 7 bytes that are a hash of t,
 * so that whoever counts needs to remember no ids.
 */
export const spansOfTrace = 5;
export const spansOfRequest = 1000;

/** The 56 bits of a trace's randomness: the upper 24 and the lower 32. */
export function randomnessOf(trace: number): readonly [number, number] {
  return [mix(trace ^ 0x5bd1e995) >>> 8, mix(trace)];
}

/** Whether a policy keeps the trace that keeps with probability 0.5. */
export function isKept(span: number): boolean {
  return randomnessOf(Math.floor(span / spansOfTrace))[0] >= 0x800000;
}

/** murmur3's finaliser. */
function mix(value: number): number {
  let hash = value >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The number that a span id says, one less than its value. */
export function spanOfId(spanId: string): number {
  return Number.parseInt(spanId, 16) - 1;
}

const marks = { trace: 'a5'.repeat(16), span: '5a'.repeat(8) };

/** Writes requests of consecutive spans: one message, of which only ids change. */
export class RequestWriter {
  readonly #template: Buffer;
  readonly #traces: number[];
  readonly #spans: number[];

  constructor() {
    const startTimeUnixNano = `${Date.now()}000000`;
    const attributes = [{ key: 'http.route', value: { stringValue: '/orders/{id}' } }, { key: 'http.response.status_code', value: { intValue: '200' } }];
    const span = (index: number): object => ({ traceId: marks.trace, spanId: marks.span, name: `operation ${index % 20}`, kind: 2, startTimeUnixNano, endTimeUnixNano: startTimeUnixNano, attributes });
    const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'soak' } }] };
    this.#template = Buffer.from(otlpBytes('traces', JSON.parse(JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'soak' }, spans: Array.from({ length: spansOfRequest }, (_, index) => span(index)) }] }] }))));
    this.#traces = placesOf(this.#template, Buffer.from(marks.trace, 'hex'));
    this.#spans = placesOf(this.#template, Buffer.from(marks.span, 'hex'));
  }

  /** The request whose first span has this number. */
  write(first: number): Buffer {
    const out = Buffer.from(this.#template);
    for (let i = 0; i < spansOfRequest; i++) {
      const trace = Math.floor((first + i) / spansOfTrace);
      const [high, low] = randomnessOf(trace);
      out.writeUIntBE(trace + 1, this.#traces[i], 6);
      out.fill(0, this.#traces[i] + 6, this.#traces[i] + 9);
      out.writeUIntBE(high, this.#traces[i] + 9, 3);
      out.writeUInt32BE(low, this.#traces[i] + 12);
      out.writeUIntBE(0, this.#spans[i], 2);
      out.writeUIntBE(first + i + 1, this.#spans[i] + 2, 6);
    }
    return out;
  }
}

function placesOf(bytes: Buffer, mark: Buffer): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(mark); at !== -1; at = bytes.indexOf(mark, at + mark.length)) places.push(at);
  return places;
}
