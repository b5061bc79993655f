import { expect, test } from 'vitest';
import { OtlpExporter } from '../../../src/exporters/otlp.ts';
import type { OtlpAnswer, OtlpTransport } from '../../../src/exporters/otlp-answer.ts';
import type { RetryPolicy } from '../../../src/exporters/retry.ts';
import type { Signal } from '../../../src/otap/payload-type.ts';
import { RequestEncoder } from '../../../src/otlp/encode/requests.ts';
import { takenBatches } from '../../support/taken.ts';
import { VirtualSeam } from './virtual-seam.ts';

/**
 * Strategy: the exporter over servers that answer at random, in virtual time, 200 seeds; each request takes a while.
 * Invariants: every item is reported once; nothing that was accepted is sent again, nothing sleeps after the end. One request at a time: nothing is
 * sent before the time that a server asked for.
 */
const [batch] = takenBatches('collector_traces', 100_000);
const retry: RetryPolicy = { enabled: true, initialIntervalMs: 100, maxIntervalMs: 1000, maxElapsedMs: 20_000 };
const refused = (retryable: boolean, retryAfterMs: number | null): OtlpAnswer => ({ kind: 'refused', retryable, reason: retryable ? 'later' : 'never', message: '', retryAfterMs });

class FakeServer implements OtlpTransport<Signal> {
  readonly endpoint = 'fake';
  readonly #seam: VirtualSeam;
  readonly #answer: () => OtlpAnswer;
  readonly #accepted = new Set<Uint8Array>();
  /** Requests that came before the time that was asked for, and such as had been accepted here before. */
  early = 0;
  again = 0;
  requests = 0;
  #notBeforeMs = 0;

  constructor(seam: VirtualSeam, answer: () => OtlpAnswer) {
    this.#seam = seam;
    this.#answer = answer;
  }

  async send(_: Signal, request: Uint8Array<ArrayBuffer>): Promise<OtlpAnswer> {
    this.requests++;
    if (this.#seam.monotonicMs() < this.#notBeforeMs) this.early++;
    await this.#seam.sleepMs(1 + 20 * this.#seam.jitter());
    const answer = this.#answer();
    if (answer.kind === 'accepted') {
      if (this.#accepted.has(request)) this.again++;
      this.#accepted.add(request);
    } else if (answer.retryAfterMs !== null) this.#notBeforeMs = Math.max(this.#notBeforeMs, this.#seam.monotonicMs() + answer.retryAfterMs);
    return answer;
  }

  close(): void {}
}

function exporterOver(seam: VirtualSeam, servers: readonly FakeServer[], encoder = new RequestEncoder('proto', 20_000)): { exporter: OtlpExporter; reported: Map<string, number> } {
  const reported = new Map<string, number>();
  const exporter = new OtlpExporter({
    transports: servers, encoder, seam, retry, inFlightMax: 4,
    onResult: (_, items, result) => {
      const key = result.kind === 'ok' ? 'ok' : result.reason;
      reported.set(key, (reported.get(key) ?? 0) + items);
    },
    onRetry: () => {},
    onWarning: () => {},
  });
  return { exporter, reported };
}

test.each(Array.from({ length: 200 }, (_, index) => index + 1))('seed %i', async (seed) => {
  const seam = new VirtualSeam(seed);
  const chance = seam.jitter();
  const answer = (): OtlpAnswer => {
    const drawn = seam.jitter();
    if (drawn < chance * 0.5) return refused(true, seam.jitter() < 0.5 ? Math.floor(seam.jitter() * 3000) : null);
    if (drawn < chance * 0.5 + 0.02) return refused(false, null);
    return { kind: 'accepted', rejected: drawn > 0.95 ? 3 : 0, message: '' };
  };
  const servers = Array.from({ length: 1 + (seed % 3) }, () => new FakeServer(seam, answer));
  const { exporter, reported } = exporterOver(seam, servers);
  let over = false;
  void Promise.all(Array.from({ length: 8 }, () => exporter.export('traces', batch))).then(() => exporter.close(100_000)).then(() => (over = true));
  await seam.runUntil(() => over);
  expect([...reported.values()].reduce((sum, items) => sum + items, 0)).toBe(8 * batch.rowCount);
  expect(seam.sleeping).toBe(0);
  expect(Math.max(...servers.map(({ requests }) => requests))).toBeGreaterThan(3);
  expect(servers.map(({ again }) => again)).toEqual(servers.map(() => 0));
});

test('one request at a time never comes before the time that the server asked for', async () => {
  const seam = new VirtualSeam(7);
  let asked = 0;
  const server = new FakeServer(seam, () => (asked++ % 3 < 2 ? refused(true, 700) : { kind: 'accepted', rejected: 0, message: '' }));
  const { exporter, reported } = exporterOver(seam, [server]);
  let over = false;
  void exporter.export('traces', batch).then(() => (over = true));
  await seam.runUntil(() => over);
  expect([server.early, Object.fromEntries(reported)]).toEqual([0, { ok: batch.rowCount }]);
});

test('a server that never can is given up after max_elapsed_time, one that answers late at the deadline', async () => {
  const seam = new VirtualSeam(3);
  const { exporter, reported } = exporterOver(seam, [new FakeServer(seam, () => refused(true, null))], new RequestEncoder('proto', 1e9));
  let over = false;
  void exporter.export('traces', batch).then(() => (over = true));
  await seam.runUntil(() => over);
  expect(Object.fromEntries(reported)).toEqual({ later: batch.rowCount });
  expect(seam.monotonicMs()).toBeGreaterThan(17_000);
  expect(seam.monotonicMs()).toBeLessThanOrEqual(20_100);

  const stopped = exporterOver(seam, [new FakeServer(seam, () => refused(true, 15_000))], new RequestEncoder('proto', 1e9));
  let closed = false;
  void stopped.exporter.export('traces', batch);
  void stopped.exporter.close(500).then(() => (closed = true));
  await seam.runUntil(() => closed);
  expect(Object.fromEntries(stopped.reported)).toEqual({ exporter_closed: batch.rowCount });
});
