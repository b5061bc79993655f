import { otlpJsonToProtobuf } from '../src/otlp/json/otlp-json-to-protobuf.ts';
import { objects, type OtlpRequest } from '../test/support/otlp-json.ts';
import { otlpBytes } from '../test/support/otlp-bytes.ts';
import { readTruth } from '../test/support/otlp-truth.ts';
import { machineText, median, startMeter } from './meter.ts';

/*
 * What OTLP's JSON costs until it is protobuf, against JSON.parse alone and JSON.parse with protobufjs, in turns over the same recorded requests:
 *
 *     node bench/otlp-json.ts
 */

/** Microseconds of the main thread a span. */
export interface JsonCost {
  readonly bytesPerSpan: number;
  readonly ours: number;
  readonly jsonParse: number;
  readonly protobufjs: number;
}

/** The medians of `rounds` rounds, each of which does all three; one more warms up. */
export function costOfJson(requests: readonly OtlpRequest[], rounds: number): JsonCost {
  const texts = requests.map((request) => Buffer.from(JSON.stringify(request)));
  const spans = requests.reduce((sum, request) => sum + spansOf(request), 0);
  const ways = [
    (text: Buffer): unknown => otlpJsonToProtobuf('traces', text),
    (text: Buffer): unknown => JSON.parse(text.toString('utf8')),
    (text: Buffer): unknown => otlpBytes('traces', JSON.parse(text.toString('utf8'))),
  ];
  const costs = ways.map((): number[] => []);
  for (let round = 0; round <= rounds; round++) {
    ways.forEach((way, index) => {
      const stop = startMeter();
      for (const text of texts) way(text);
      const cost = stop().mainMicros / spans;
      if (round > 0) costs[index].push(cost);
    });
  }
  const [ours, jsonParse, protobufjs] = costs.map(median);
  return { bytesPerSpan: texts.reduce((sum, text) => sum + text.length, 0) / spans, ours, jsonParse, protobufjs };
}

function spansOf(request: OtlpRequest): number {
  return objects(request.resourceSpans).flatMap((entry) => objects(entry['scopeSpans'])).reduce((sum, scoped) => sum + objects(scoped['spans']).length, 0);
}

if (import.meta.main) {
  const { bytesPerSpan, ours, jsonParse, protobufjs } = costOfJson(readTruth('traces_zstd'), 15);
  process.stdout.write(`${machineText()}\n${bytesPerSpan.toFixed(0)} bytes of JSON a span; microseconds a span: ours ${ours.toFixed(2)}, `
    + `JSON.parse ${jsonParse.toFixed(2)}, JSON.parse and protobufjs ${protobufjs.toFixed(2)}\n`);
}
