import { CaptureReader } from '../src/otap/capture-file.ts';
import { fiveColumns, type FiveColumnReader } from './five-columns.ts';
import { median, startMeter } from './meter.ts';

/** CPU microseconds a span, main thread, of one reader over the messages; after one warm-up round. */
export function costOfReader(open: () => FiveColumnReader, messages: readonly Uint8Array[], batchRows: number, rounds: number): number {
  const out = fiveColumns(batchRows);
  const once = (): number => {
    const reader = open();
    const stop = startMeter();
    let spans = 0;
    for (const message of messages) spans += reader.read(message, out);
    return stop().mainMicros / spans;
  };
  once();
  return median(Array.from({ length: rounds }, once));
}

/** The first messages of a capture file that hold at least `items` root rows at `batchRows` a message. */
export function firstMessages(path: string, items: number, batchRows: number): Uint8Array[] {
  const reader = new CaptureReader(path);
  const messages: Uint8Array[] = [];
  for (let bytes = reader.next(); bytes !== null && messages.length * batchRows < items; bytes = reader.next()) messages.push(bytes);
  reader.close();
  return messages;
}
