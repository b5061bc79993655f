import type { OtapBatch } from '../../otap/batch.ts';
import type { Signal } from '../../otap/payload-type.ts';
import type { BatchSink, PushResult } from '../../pipeline/sink.ts';
import { SinkDelivery } from '../../pipeline/sink-delivery.ts';

/** The way to one member: its queue and connections, from when it is first sent to until it is closed. */
interface Link {
  readonly sink: BatchSink;
  readonly deliveries: Map<Signal, SinkDelivery>;
}

export interface MemberLinksOptions {
  /** Makes the exporter of a member, with its queue. Throws where its credentials cannot be read. */
  readonly open: (endpoint: string) => BatchSink;
  readonly rowsMax: number;
  readonly hashSeed: number;
}

/** The ways to all members. */
export class MemberLinks {
  readonly #options: MemberLinksOptions;
  readonly #links = new Map<string, Link>();
  /** Those that end, and may still have something under way. */
  readonly #closing = new Set<BatchSink>();
  /** Of links that are closed. */
  #delivered = 0;

  constructor(options: MemberLinksOptions) {
    this.#options = options;
  }

  /** Bytes that wait for each member. */
  get queuedBytes(): ReadonlyMap<string, number> {
    return new Map([...this.#links].map(([endpoint, { sink }]) => [endpoint, sink.queuedBytes]));
  }

  /** Batches that members have acknowledged. */
  get delivered(): number {
    return [...this.#links.values()].reduce((sum, { sink }) => sum + (sink.delivered ?? 0), this.#delivered);
  }

  get sinks(): readonly BatchSink[] {
    return [...this.#links.values()].map(({ sink }) => sink);
  }

  /** Takes rows of a batch to a member; see SinkDelivery. Rejects where the way cannot be opened. */
  async deliver(endpoint: string, batch: OtapBatch, rows: Uint32Array): Promise<PushResult> {
    const { rowsMax, hashSeed, open } = this.#options;
    const { signal } = batch;
    const link = this.#links.get(endpoint) ?? { sink: open(endpoint), deliveries: new Map() };
    this.#links.set(endpoint, link);
    const delivery = link.deliveries.get(signal) ?? new SinkDelivery(link.sink, { signal, rowsMax, hashSeed });
    link.deliveries.set(signal, delivery);
    return delivery.deliver(batch, rows);
  }

  /** Ends the way to a member: what waits for it comes back as not delivered after `deadlineMs`. A later delivery opens it anew. */
  async close(endpoint: string, deadlineMs: number): Promise<void> {
    const link = this.#links.get(endpoint);
    if (link === undefined) return;
    this.#links.delete(endpoint);
    this.#closing.add(link.sink);
    link.sink.dropWhenFull?.();
    await link.sink.drain(deadlineMs);
    this.#closing.delete(link.sink);
    this.#delivered += link.sink.delivered ?? 0;
  }

  /** Ends all ways, also those that are being ended. */
  async closeAll(deadlineMs: number): Promise<void> {
    const closing = [...this.#closing];
    await Promise.all([...[...this.#links.keys()].map((endpoint) => this.close(endpoint, deadlineMs)), ...closing.map((sink) => sink.drain(deadlineMs))]);
  }
}
