import type { BatchLayout } from '../../otap/batch.ts';
import { type BufferSource, freshBuffers } from '../../otap/ipc/buffer-source.ts';
import type { Signal } from '../../otap/payload-type.ts';
import { named } from './errors.ts';
import { readFraming } from './framing.ts';
import { defaultOtlpLimits, type OtlpLimits } from './limits.ts';
import { logTables } from './logs.ts';
import { metricTables } from './metrics.ts';
import { OtlpBatch, OtlpLayout } from './otlp-batch.ts';
import { traceTables } from './traces.ts';
import type { RequestBytes } from './walk.ts';

export interface OtlpReading {
  /** Where memory for indexes and columns comes from. */
  readonly source?: BufferSource;
  readonly limits?: OtlpLimits;
  /** Keys the hash tables of texts. */
  readonly hashSeed?: number;
  /** Checks every value now, so that no column throws later. Default false. */
  readonly isChecked?: boolean;
  /** The items that are wanted, ascending; others are read as items without fields. All where it is null or left out. */
  readonly rows?: Uint32Array | null;
}

const tablesOf = { traces: traceTables, logs: logTables, metrics: metricTables } as const;

/**
 * Reads an ExportTraceServiceRequest, ExportLogsServiceRequest or ExportMetricsServiceRequest in protobuf as the tables that OTAP has for it. Tags
 * and lengths of all messages but attributes and values are walked here; columns, attributes and values are read when asked for, out of `bytes`,
 * which must not change. Rows have ids of their own: 0, 1, 2 ... in the order of the request.
 * Throws OtlpDecodeError, INVALID_ARGUMENT: malformed_protobuf, over_limit; tables throw these too, invalid_id, invalid_utf8, nested_too_deep. Where
 * `isChecked`, all of these are thrown here and tables throw nothing.
 */
export function decodeOtlp(signal: Signal, bytes: Uint8Array, reading: OtlpReading = {}): OtlpBatch {
  const request: RequestBytes = {
    // A plain view: loops that meet Buffers too are slower.
    bytes: new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length),
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
    source: reading.source ?? freshBuffers,
    limits: reading.limits ?? defaultOtlpLimits,
    hashSeed: reading.hashSeed ?? 0,
    isChecked: reading.isChecked ?? false,
  };
  return named(null, () => {
    const framing = readFraming(request);
    if (reading.rows !== null && reading.rows !== undefined) framing.items.emptyOthers(reading.rows);
    return new OtlpBatch(new OtlpLayout(signal, request.hashSeed), request, framing, tablesOf[signal](request, framing).tables);
  });
}

/** The request was within its limits when it came. */
const unlimited: OtlpLimits = { rowsMax: Infinity, occurrencesMax: Infinity };

/**
 * Reads `bytes` again, which gave a batch of this layout; gives a batch equal to that, or, where `rows` (ascending) are given, one whose other rows
 * are items without fields. Throws OtlpDecodeError.
 */
export function reopenOtlp(layout: BatchLayout, bytes: Uint8Array, source?: BufferSource, rows: Uint32Array | null = null): OtlpBatch {
  if (!(layout instanceof OtlpLayout)) throw new TypeError('layout of another decoder');
  return decodeOtlp(layout.signal, bytes, { source: source ?? freshBuffers, limits: unlimited, hashSeed: layout.hashSeed, rows });
}
