import { describe, expect, test } from 'vitest';
import type { OtapBatch } from '../../src/otap/batch.ts';
import { OtapStreamDecoder } from '../../src/otap/decode/stream-decoder.ts';
import { decodeOtlp } from '../../src/otlp/decode/decode-otlp.ts';
import { rowViewSql, type ViewUse } from '../../src/store/window-views.ts';
import { rowsOf, useEngine } from '../sql/store/engine.ts';
import { allColumns, keyReads, projectBatches, reading } from '../sql/store/projected.ts';
import { keysWithTypes, truthItems } from '../sql/store/truth-rows.ts';
import { captures, readCapture } from '../support/captures.ts';
import { truthBytes } from '../support/otlp-bytes.ts';
import { readTruth } from '../support/otlp-truth.ts';

/**
 * Scenario: every capture, long ones in part, comes once as OTAP and once as OTLP, and both are projected into slots with every column and attribute key.
 * Guarantees: policies see the same rows. (What the rows of OTAP are is what test/sql/store/views.test.ts checks against the recorded truth.)
 */
const engine = useEngine(2 ** 30);

/** Of long captures, whose truth goes batch by batch. */
const batchesMax = 40;

/** Numbers of rows and what is hashed of them. */
const own = new Set(['id', 'item', 'resource_id', 'scope_id', 'randomness']);
const sampled = captures.flatMap(({ name, signal, batchwise }) => (signal === 'metrics' ? [] : [{ name, signal, count: batchwise ? batchesMax : Infinity }]));

describe.each(sampled)('$name', ({ name, signal, count }) => {
  const view = signal === 'traces' ? 'spans' : 'logs';
  const columns = allColumns(view).filter((column) => !own.has(column));

  async function linesOf(batches: readonly OtapBatch[], use: ViewUse): Promise<string[]> {
    const { window } = await projectBatches(engine.session(), signal, batches, reading(signal, [{ view, ...use }]));
    await engine.session().run(`CREATE OR REPLACE TEMP VIEW shown AS ${rowViewSql(window, view, use)}`);
    const keys = use.keys.map(({ source, field }) => `${source}.${field}::VARCHAR`);
    const rows = await rowsOf(engine.session(), `SELECT ${[...columns.map((column) => `nullif("${column}"::VARCHAR, '')`), ...keys].join(', ')} FROM shown`);
    return rows.map((row) => JSON.stringify(row)).sort();
  }

  test('policies see the same rows of OTLP as of OTAP', async () => {
    const truth = truthItems(readTruth(name).slice(0, count));
    const keys = [
      ...keyReads('attributes', keysWithTypes(truth.map(({ item }) => item))),
      ...keyReads('resource', keysWithTypes(truth.map(({ resource }) => resource))),
    ];
    const decoder = new OtapStreamDecoder(signal);
    const ofOtap = await linesOf(readCapture(name).slice(0, count).map((bytes) => decoder.decode(bytes)), { columns, keys });
    const ofOtlp = await linesOf(truthBytes(name).slice(0, count).map((bytes) => decodeOtlp(signal, bytes)), { columns, keys });
    expect(ofOtlp.length).toBe(truth.length);
    expect(ofOtlp.findIndex((line, index) => line !== ofOtap[index])).toBe(-1);
    expect(new Set(ofOtlp).size).toBeGreaterThan(truth.length / 10);
  });
});
