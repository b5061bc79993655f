import type { OtapBatch } from '../batch.ts';
import { CodedError } from '../../base/errors.ts';
import { type BufferSource, freshBuffers } from '../ipc/buffer-source.ts';
import { malformedIpc, overLimit } from '../ipc/errors.ts';
import { messageBytes, messageKinds, readMessages, type IpcMessage } from '../ipc/message.ts';
import { planSchema } from '../ipc/schema-plan.ts';
import { decodeBatchArrowRecords, type ArrowPayload, type BatchArrowRecords } from '../proto/batch-arrow-records.ts';
import { signalPayloads, type PayloadInfo, type Signal } from '../payload-type.ts';
import { schemas } from '../schema.ts';
import { BatchTaking } from './batch-taking.ts';
import { DecodedBatch } from './decoded-batch.ts';
import { brokenRule, OtapDecodeError } from './errors.ts';
import { StreamLayout } from './layout.ts';
import { defaultLimits, type DecodeLimits } from './limits.ts';
import { PayloadStream } from './payload-stream.ts';
import { encodeState, type PayloadState } from './stream-state.ts';

export { reopenBatch } from './reopen-batch.ts';

/** A schema that we cannot read: the stream goes on, every batch of this payload type is refused with the reason. */
interface RefusedSchema extends PayloadState {
  readonly error: CodedError;
}

/**
 * Decodes the BatchArrowRecords of one gRPC stream, or of one capture, in their order. Each payload type has an Arrow
 * IPC stream of its own; a new schema_id, or a Schema message again, starts it anew (OTAP specification, section 4.4).
 */
export class OtapStreamDecoder {
  readonly #signal: Signal;
  readonly #limits: DecodeLimits;
  readonly #infos: ReadonlyMap<number, PayloadInfo>;
  readonly #streams = new Map<number, PayloadStream>();
  readonly #refused = new Map<number, RefusedSchema>();
  #broken: OtapDecodeError | null = null;
  #ignoredColumnCount = 0;

  constructor(signal: Signal, limits: Partial<DecodeLimits> = {}) {
    this.#signal = signal;
    this.#limits = { ...defaultLimits, ...limits };
    this.#infos = new Map(signalPayloads[signal].map((info) => [info.type, info]));
  }

  /** Heap held by dictionaries and plans. */
  get byteLength(): number {
    let bytes = 0;
    for (const stream of this.#streams.values()) bytes += stream.byteLength;
    return bytes;
  }

  /** Columns of unknown names in all schemas that have come. */
  get ignoredColumnCount(): number {
    return this.#ignoredColumnCount;
  }

  /**
   * Decodes a batch: its framing, its dictionaries (appended, not yet read) and the structure of its record batches.
   * Columns are read when asked for, from `bar`, which must not change, into memory
   * of `source`. Throws OtapDecodeError; where its
   * `streamBroken` is false the stream's state has advanced as if the batch were good.
   */
  decode(bar: Uint8Array, source: BufferSource = freshBuffers): OtapBatch {
    if (this.#broken !== null) throw this.#refuseAfter(this.#broken);
    const records = this.#readFraming(bar);
    const taking = new BatchTaking(records.batchId, this.#limits, source);
    const view = new DataView(bar.buffer, bar.byteOffset, bar.length);
    if (records.payloads.length > this.#limits.payloadsMax) {
      taking.fail(overLimit('payloads', records.payloads.length, this.#limits.payloadsMax), null, true);
    } else {
      for (const payload of records.payloads) this.#takePayload(payload, view, taking);
    }
    if (taking.failure !== null) {
      if (taking.failure.streamBroken) this.#broken = taking.failure;
      throw taking.failure;
    }
    return new DecodedBatch(records.batchId, this.#layoutOf(taking), taking.tables);
  }

  /**
   * The stream's state as a BatchArrowRecords of Schema and Dictionary messages only. A fresh decoder that decodes it
   * goes on where this one is. Throws OtapDecodeError where a dictionary cannot be read.
   */
  state(): Uint8Array {
    return encodeState([...this.#streams.values(), ...this.#refused.values()]);
  }

  #readFraming(bar: Uint8Array): BatchArrowRecords {
    try {
      return decodeBatchArrowRecords(bar);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#broken = new OtapDecodeError(error, null, null, true);
      throw this.#broken;
    }
  }

  #refuseAfter(broken: OtapDecodeError): OtapDecodeError {
    const error = new CodedError('FAILED_PRECONDITION', 'stream_broken', `the stream was broken by: ${broken.message}`, { cause: broken });
    return new OtapDecodeError(error, null, null, true);
  }

  #takePayload(payload: ArrowPayload, view: DataView, taking: BatchTaking): void {
    const info = this.#infos.get(payload.type);
    if (info === undefined) {
      taking.fail(brokenRule('unknown_payload_type', `payload type ${payload.type} does not belong to ${this.#signal}`), null, false);
      return;
    }
    taking.start(info);
    if (payload.record.length === 0) {
      taking.fail(brokenRule('empty_record', 'record without a message'), info, false);
      return;
    }
    try {
      this.#takeMessages(info, payload, view, taking);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      taking.fail(error, info, true);
    }
  }

  /** Takes schema and dictionaries into the state; whatever is thrown here leaves it in doubt. */
  #takeMessages(info: PayloadInfo, payload: ArrowPayload, view: DataView, taking: BatchTaking): void {
    const start = payload.record.byteOffset - view.byteOffset;
    for (const message of readMessages(view, start, start + payload.record.length)) {
      switch (message.kind) {
        case messageKinds.SCHEMA:
          this.#open(info, payload.schemaId, message);
          break;
        case messageKinds.DICTIONARY:
        case messageKinds.RECORD:
          this.#takeMessage(info, payload.schemaId, message, taking);
          break;
        default:
          throw malformedIpc(`message of kind ${message.kind}`);
      }
    }
  }

  #takeMessage(info: PayloadInfo, schemaId: string, message: IpcMessage, taking: BatchTaking): void {
    const refused = this.#refused.get(info.type);
    if (refused !== undefined && refused.schemaId === schemaId) {
      taking.fail(refused.error, info, false);
      return;
    }
    const stream = this.#streams.get(info.type);
    if (stream === undefined || stream.schemaId !== schemaId) {
      throw brokenRule('record_before_schema', `schema_id ${JSON.stringify(schemaId.slice(0, 80))} has no Schema message yet`);
    }
    if (message.kind === messageKinds.RECORD) taking.takeRecord(stream, message);
    else stream.addDictionary(message, this.#limits, this.#dictionaryBytesLeft());
  }

  #open(info: PayloadInfo, schemaId: string, message: IpcMessage): void {
    const before = this.#streams.get(info.type);
    this.#streams.delete(info.type);
    this.#refused.delete(info.type);
    if (before !== undefined && isSameMessage(before.plan.message, message)) {
      this.#streams.set(info.type, new PayloadStream(info, schemaId, before.plan));
      return;
    }
    try {
      const plan = planSchema(message, schemas[info.schema]);
      this.#ignoredColumnCount += plan.ignoredColumnCount;
      this.#streams.set(info.type, new PayloadStream(info, schemaId, plan));
    } catch (error) {
      if (!(error instanceof CodedError) || error.reason !== 'column_type') throw error;
      this.#refused.set(info.type, { info, schemaId, schemaMessage: messageBytes(message).slice(), stores: [], error });
    }
  }

  #dictionaryBytesLeft(): number {
    let bytes = this.#limits.dictionaryBytesMax;
    for (const stream of this.#streams.values()) bytes -= stream.declaredBytes;
    return bytes;
  }

  #layoutOf(taking: BatchTaking): StreamLayout {
    let ownBytes = 0;
    for (const stream of this.#streams.values()) ownBytes += stream.takeOwnBytes();
    return new StreamLayout(this.#signal, taking.layouts, ownBytes);
  }
}

function isSameMessage(known: Uint8Array, message: IpcMessage): boolean {
  const bytes = messageBytes(message);
  return known.length === bytes.length && Buffer.compare(known, bytes) === 0;
}
