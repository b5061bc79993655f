import { assert, present } from '../../base/assert.ts';
import { type PayloadInfo, type PayloadName, type Signal, signalPayloads } from '../payload-type.ts';
import { encodeBatchArrowRecords, type OutgoingPayload } from '../proto/batch-arrow-records.ts';
import type { OutputBatch } from '../take/output-batch.ts';
import { BodyWriter, type EncodeOptions } from './body-writer.ts';
import { ByteArena } from './byte-arena.ts';
import { type EncodedIds, PayloadEncoder } from './payload-encoder.ts';
import { scopeIdsOf, type TableOrder, tableOrders } from './table-order.ts';
import { consecutiveDeltas, deltas, quasiDeltas, sameValueOf } from './transport-ids.ts';

export type { EncodeOptions } from './body-writer.ts';

/**
 * Encodes the batches of one stream (one gRPC call, one file): schemas and dictionaries are sent once and extended. Whoever loses a
 * message or opens another call starts with a new encoder. An output batch is not changed and may be encoded again.
 */
export class OtapStreamEncoder {
  readonly signal: Signal;
  readonly #payloads: readonly PayloadEncoder[];
  readonly #arena = new ByteArena();
  readonly #body: BodyWriter;
  #schemaCount = 0;
  #rowsTotal = 0;
  #bytesTotal = 0;

  constructor(signal: Signal, options: EncodeOptions) {
    this.signal = signal;
    this.#body = new BodyWriter(this.#arena, options);
    const sent = signalPayloads[signal].filter((info) => options.omit?.has(info.name) !== true);
    this.#payloads = sent.map((info) => new PayloadEncoder(info, () => String(this.#schemaCount++)));
  }

  /** Encoded bytes a root row, over all batches so far; 0 before the first. */
  get bytesPerRow(): number {
    return this.#rowsTotal === 0 ? 0 : this.#bytesTotal / this.#rowsTotal;
  }

  /** A BatchArrowRecords message, its payloads with the root first and then parents before children. */
  encode(batchId: bigint, batch: OutputBatch): Uint8Array {
    assert(batch.signal === this.signal, `batch of ${batch.signal} on a stream of ${this.signal}`);
    const orders = tableOrders(batch);
    this.#arena.clear();
    const parts: { info: PayloadInfo; schemaId: string; start: number; end: number }[] = [];
    for (const payload of this.#payloads) {
      const table = orders.get(payload.info.name);
      if (table === undefined) continue;
      const start = this.#arena.length;
      const schemaId = payload.encode(this.#arena, this.#body, table, encodeIds(batch, payload.info, table, orders));
      parts.push({ info: payload.info, schemaId, start, end: this.#arena.length });
    }
    const payloads = parts.map(({ info, schemaId, start, end }): OutgoingPayload => {
      return { schemaId, type: info.type, record: [this.#arena.bytes.subarray(start, end)] };
    });
    const message = encodeBatchArrowRecords(batchId, payloads);
    this.#rowsTotal += batch.rowCount;
    this.#bytesTotal += message.length;
    return message;
  }
}

function encodeIds(batch: OutputBatch, info: PayloadInfo, table: TableOrder, orders: ReadonlyMap<PayloadName, TableOrder>): EncodedIds {
  const { order } = table;
  const ids = new Map<string, Uint32Array>();
  if (info.kind === 'root') {
    ids.set('id', consecutiveDeltas(order.length));
    ids.set('resource.id', deltas(batch.resourceOf, order));
    ids.set('scope.id', deltas(scopesOf(batch), order));
    return ids;
  }
  if (info.kind === 'child') {
    if (signalPayloads[batch.signal].some((other) => other.parent === info.name && orders.has(other.name))) ids.set('id', consecutiveDeltas(order.length));
    const isData = info.schema !== 'exemplars' && info.schema !== 'span_events' && info.schema !== 'span_links';
    if (isData) return ids.set('parent_id', deltas(present(table.parentIds, 'parents of a child table'), order));
  }
  return ids.set('parent_id', quasiDeltas(table, sameValueOf(info.schema, table)));
}

function scopesOf(batch: OutputBatch): Uint32Array {
  const ids = scopeIdsOf(batch);
  const result = new Uint32Array(batch.rowCount);
  for (let row = 0; row < result.length; row++) result[row] = ids[batch.scopeOf[row]];
  return result;
}
