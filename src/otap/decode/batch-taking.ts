import type { PayloadTable } from '../batch.ts';
import { CodedError } from '../../base/errors.ts';
import type { BufferSource } from '../ipc/buffer-source.ts';
import { malformedIpc, overLimit } from '../ipc/errors.ts';
import { messageKinds, readMessages, type IpcMessage } from '../ipc/message.ts';
import { RecordBody } from '../ipc/record-batch.ts';
import type { SchemaPlan } from '../ipc/schema-plan.ts';
import type { PayloadInfo, PayloadName } from '../payload-type.ts';
import type { ArrowPayload } from '../proto/batch-arrow-records.ts';
import { brokenRule, OtapDecodeError } from './errors.ts';
import type { PayloadLayout } from './layout.ts';
import type { DecodeLimits } from './limits.ts';
import type { PayloadStream } from './payload-stream.ts';
import { ArrowTable } from './table.ts';

/** What becomes of one batch: its tables, or the first thing that is wrong with it. */
export class BatchTaking {
  readonly tables = new Map<PayloadName, PayloadTable>();
  readonly layouts: (PayloadLayout | null)[] = [];
  failure: OtapDecodeError | null = null;
  readonly #batchId: bigint;
  readonly #limits: DecodeLimits;
  readonly #source: BufferSource;
  readonly #isChecked: boolean;
  readonly #seen = new Set<PayloadName>();
  #records = 0;
  #bytes = 0;

  /** `source` gives memory for what is decompressed of the batch; `isChecked`: all its values were checked before. */
  constructor(batchId: bigint, limits: DecodeLimits, source: BufferSource, isChecked = false) {
    this.#isChecked = isChecked;
    this.#source = source;
    this.#batchId = batchId;
    this.#limits = limits;
  }

  /** Begins the next payload. */
  start(info: PayloadInfo): void {
    this.layouts.push(null);
    this.#records = 0;
    if (this.#seen.has(info.name)) this.fail(brokenRule('duplicate_payload', 'payload type twice in one batch'), info, false);
    this.#seen.add(info.name);
  }

  /** Keeps the first error; a later one that breaks the stream goes before one that does not. */
  fail(error: CodedError, info: PayloadInfo | null, streamBroken: boolean): void {
    if (this.failure !== null && (this.failure.streamBroken || !streamBroken)) return;
    this.failure = new OtapDecodeError(error, info?.name ?? null, this.#batchId, streamBroken);
  }

  /** Makes a table of a record batch; what is wrong with it does not touch the stream. */
  takeRecord(stream: PayloadStream, message: IpcMessage): void {
    this.#guard(stream.info, () => {
      if (this.#records++ > 0) throw brokenRule('two_record_batches', 'more than one record batch in a payload');
      const body = this.#checkedBody(stream.plan, message);
      if (body.rowCount === 0) return;
      const layout = stream.layout();
      this.layouts[this.layouts.length - 1] = layout;
      this.tables.set(stream.info.name, new ArrowTable(layout, body, this.#batchId));
    });
  }

  reopen(layout: PayloadLayout, payload: ArrowPayload, view: DataView): void {
    this.#guard(layout.info, () => {
      const start = payload.record.byteOffset - view.byteOffset;
      const message = readMessages(view, start, start + payload.record.length).find(({ kind }) => kind === messageKinds.RECORD);
      if (message === undefined) throw malformedIpc('payload without its record batch');
      this.tables.set(layout.info.name, new ArrowTable(layout, this.#checkedBody(layout.plan, message), this.#batchId));
    });
  }

  #checkedBody(plan: SchemaPlan, message: IpcMessage): RecordBody {
    const body = new RecordBody(message, message.header, this.#source, this.#isChecked);
    body.check(plan.rowNodes, plan.bufferCount);
    if (body.rowCount > this.#limits.rowsMax) throw overLimit('rows', body.rowCount, this.#limits.rowsMax);
    this.#bytes += body.declaredBytes;
    if (this.#bytes > this.#limits.batchBytesMax) throw overLimit('decompressed bytes', this.#bytes, this.#limits.batchBytesMax);
    return body;
  }

  #guard(info: PayloadInfo, run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.fail(error, info, false);
    }
  }
}
