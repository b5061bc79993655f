import { expect, test } from 'vitest';
import type { Seam } from '../../../src/base/seam.ts';
import { OtlpExporter } from '../../../src/exporters/otlp.ts';
import type { OtlpAnswer, OtlpTransport } from '../../../src/exporters/otlp-answer.ts';
import type { RetryPolicy } from '../../../src/exporters/retry.ts';
import type { Signal } from '../../../src/otap/payload-type.ts';
import { RequestEncoder } from '../../../src/otlp/encode/requests.ts';
import { takenBatches } from '../../support/taken.ts';
import { VirtualSeam } from './virtual-seam.ts';

/**
 * Strategy: a next hop that is away for ten minutes, in virtual time, with many Threshers behind it that all lost it in the same instant.
 * Invariants: when it is back they do not come in the same instant, nor after it has asked all of them to come again after the same time; nothing is lost; one
 * Thresher has no more under way than its bound. Control: without jitter they do come in the same instant.
 */
const tenMinutesMs = 600_000;
const processes = 60;
const [batch] = takenBatches('collector_traces', 100_000);
const retry: RetryPolicy = { enabled: true, initialIntervalMs: 1000, maxIntervalMs: 30_000, maxElapsedMs: 0 };

class Server implements OtlpTransport<Signal> {
  readonly endpoint = 'server';
  readonly #seam: VirtualSeam;
  readonly #awayMs: number;
  readonly #asksMs: number | null;
  /** Whom it has asked to come later. */
  readonly #asked = new Set<Uint8Array>();
  readonly acceptedAtMs: number[] = [];
  readonly askedAtMs: number[] = [];
  underWay = 0;
  mostUnderWay = 0;

  constructor(seam: VirtualSeam, awayMs: number, asksMs: number | null) {
    this.#seam = seam;
    this.#awayMs = awayMs;
    this.#asksMs = asksMs;
  }

  async send(_: Signal, request: Uint8Array<ArrayBuffer>): Promise<OtlpAnswer> {
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay);
    await this.#seam.sleepMs(5);
    this.underWay--;
    const nowMs = this.#seam.monotonicMs();
    if (nowMs < this.#awayMs) return refused(null);
    if (this.#asksMs !== null && !this.#asked.has(request)) {
      this.#asked.add(request);
      this.askedAtMs.push(nowMs);
      return refused(this.#asksMs);
    }
    this.acceptedAtMs.push(nowMs);
    return { kind: 'accepted', rejected: 0, message: '' };
  }

  close(): void {}
}

const refused = (retryAfterMs: number | null): OtlpAnswer => ({ kind: 'refused', retryable: true, reason: 'away', message: '', retryAfterMs });

/** All exporters lose the server at once; gives when it accepted what they had. */
async function outage(awayMs: number, asksMs: number | null, jitters = true, batches = 1): Promise<Server> {
  const seam = new VirtualSeam(11);
  const own: Seam = jitters ? seam : { ...bound(seam), jitter: () => 0.5 };
  const server = new Server(seam, awayMs, asksMs);
  const count = batches === 1 ? processes : 1;
  let lost = 0;
  let done = 0;
  for (let index = 0; index < count; index++) {
    const exporter = new OtlpExporter({
      transports: [server], encoder: new RequestEncoder('proto', 1e9), seam: own, retry, inFlightMax: 4,
      onResult: (_, items, { kind }) => { lost += kind === 'ok' ? 0 : items; }, onRetry: () => {}, onWarning: () => {},
    });
    for (let n = 0; n < batches; n++) void exporter.export('traces', batch).then(() => done++);
  }
  await seam.runUntil(() => done === count * batches);
  expect(lost).toBe(0);
  return server;
}

function bound(seam: VirtualSeam): Omit<Seam, 'jitter'> {
  return {
    nowUnixNano: () => seam.nowUnixNano(), monotonicMs: () => seam.monotonicMs(), sleepMs: (ms, signal) => seam.sleepMs(ms, signal), hashKey: seam.hashKey, firstBatchOrdinal: 0 };
}

/** The greatest share of the times that lie within `ms` of each other. */
function crowd(times: readonly number[], ms: number): number {
  return Math.max(...times.map((start) => times.filter((time) => time >= start && time < start + ms).length)) / times.length;
}

test('they come back over the time of the longest wait', async () => {
  const { acceptedAtMs } = await outage(tenMinutesMs, null);
  expect(acceptedAtMs).toHaveLength(processes);
  expect(crowd(acceptedAtMs, 1000)).toBeLessThan(0.25);
  expect(Math.max(...acceptedAtMs)).toBeLessThan(tenMinutesMs + 46_000);
});

test('asked in the same instant to come again after the same time, none comes before, and not all at once', async () => {
  const { acceptedAtMs, askedAtMs } = await outage(0, 40_000);
  expect(crowd(askedAtMs, 1)).toBe(1);
  expect(Math.min(...acceptedAtMs)).toBeGreaterThanOrEqual(askedAtMs[0] + 40_000);
  expect(crowd(acceptedAtMs, 1000)).toBeLessThan(0.25);
});

test('control: without jitter all come in the same instant', async () => {
  expect(crowd((await outage(tenMinutesMs, null, false)).acceptedAtMs, 1)).toBe(1);
  expect(crowd((await outage(0, 40_000, false)).acceptedAtMs, 1)).toBe(1);
});

test('what has waited goes out with no more under way than ever', async () => {
  const { acceptedAtMs, mostUnderWay } = await outage(tenMinutesMs, null, true, 100);
  expect([acceptedAtMs.length, mostUnderWay]).toEqual([100, 4]);
});
