import { describe, expect, test } from 'vitest';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { Dispatcher } from '../../../src/pipeline/dispatcher.ts';
import { DroppedDispatch } from '../../../src/pipeline/dropped-dispatch.ts';
import { KeptMarks, type RowsOfBatch } from '../../../src/pipeline/dropped-rows.ts';
import { KeptDispatch } from '../../../src/pipeline/kept-dispatch.ts';
import { candidatesAt } from '../../../src/pipeline/kept-rows.ts';
import { TallyObserver } from '../../../src/pipeline/tally.ts';
import { KeyedHash } from '../../../src/sampling/keyed-hash.ts';
import type { HeldBatch } from '../../../src/store/held-batch.ts';
import { heldBatch } from '../../sql/store/projected.ts';
import { CollectingSink } from '../../sql/store/support.ts';
import { spanMessages, spansOf } from './synthetic.ts';

const half = 2n ** 55n;
/** Spans of one batch whose randomness is below and above a half in turn. */
const spans = Array.from({ length: 6 }, (_, index) => ({ trace: `${String(index).padStart(18, '0')}${(index % 2 === 0 ? '1' : 'f').repeat(14)}`, name: `span ${index}`, startMs: 5 }));
const rows = Uint32Array.from(spans.keys());

function held(bytes = spanMessages([spans])[0], ordinal = 0): HeldBatch {
  return heldBatch(new OtapStreamDecoder('traces').decode(spanMessages([spans])[0]), bytes, ordinal);
}

function scene() {
  const tally = new TallyObserver();
  const [kept, dropped] = [new CollectingSink(), new CollectingSink()];
  const dispatcher = (sink: CollectingSink): Dispatcher => new Dispatcher('traces', 100, [sink], () => 0, () => undefined);
  const names = (sink: CollectingSink): string[] => spansOf(sink.messages('traces')).map(({ name }) => name).sort();
  return {
    tally, names, kept, dropped,
    keptDispatch: new KeptDispatch('traces', dispatcher(kept), new KeyedHash(new Uint8Array(16)), null, tally),
    droppedDispatch: new DroppedDispatch('traces', dispatcher(dropped), tally),
  };
}

function indexes(parts: Iterable<RowsOfBatch>): number[][] {
  return [...parts].map((part) => [...part.rows]);
}

describe('marks of kept rows', () => {
  test('all others are told, batch by batch, each once', () => {
    const [one, other] = [held(), held(undefined, 1)];
    const marks = new KeptMarks();
    marks.add(one, Uint32Array.of(1, 3));
    marks.add(one, Uint32Array.of(3, 5));
    marks.add(other, rows);
    expect(indexes(marks.othersOf([{ batch: one, rows }, { batch: other, rows }, { batch: one, rows: Uint32Array.of(5) }]))).toEqual([[0, 2, 4]]);
    expect(indexes(new KeptMarks().othersOf([{ batch: one, rows }]))).toEqual([[...rows]]);
  });

  test('candidates of the fallback that do not reach their threshold are dropped: it is not candidates that count', async () => {
    const { keptDispatch } = scene();
    const batch = held();
    const candidates = candidatesAt(batch, rows, half, null);
    const marks = new KeptMarks();
    await keptDispatch.dispatch([candidates], marks);
    expect(indexes(marks.othersOf([{ batch, rows }]))).toEqual([[0, 2, 4]]);
    const wrong = new KeptMarks();
    wrong.add(batch, candidates.rows);
    expect(indexes(wrong.othersOf([{ batch, rows }]))).toEqual([]);
  });

  test('rows that were lost on their way are not dropped ones', async () => {
    const { keptDispatch, tally } = scene();
    const broken = held(Uint8Array.of(1, 2, 3));
    const marks = new KeptMarks();
    await keptDispatch.dispatch([candidatesAt(broken, rows, half, null)], marks);
    expect([indexes(marks.othersOf([{ batch: broken, rows }])), tally.bySignal.traces.unreadable]).toEqual([[], 6]);
  });
});

describe('the way of dropped rows', () => {
  test('they go as they came, and a batch that cannot be read loses its own alone', async () => {
    const { droppedDispatch, dropped, names, tally } = scene();
    const parts = [{ batch: held(), rows: Uint32Array.of(0, 4) }, { batch: held(Uint8Array.of(9)), rows: Uint32Array.of(1) }, { batch: held(undefined, 2), rows: Uint32Array.of(3) }];
    await droppedDispatch.dispatch(parts);
    expect(names(dropped)).toEqual(['span 0', 'span 3', 'span 4']);
    expect(spansOf(dropped.messages('traces')).map(({ count }) => count)).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect([tally.droppedRoutedItems, tally.bySignal.traces.unreadable]).toEqual([3, 1]);
  });
});
