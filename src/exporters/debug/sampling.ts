import { stampKeys } from '../../otap/take/item-stamps.ts';
import { parseThreshold, probabilityOfThreshold } from '../../sampling/threshold.ts';
import { readTracestate } from '../../sampling/tracestate.ts';
import { asObject, type JsonObject, objectsOf, textOf } from './json.ts';

/** What an item says of its sampling, in words: count, threshold and the probability that it means; null where it says nothing. */
export function samplingText(item: JsonObject): string | null {
  const attributes = new Map(objectsOf(item['attributes']).map(({ key, value }) => [textOf(key), asObject(value)]));
  const count = attributes.get(stampKeys.adjustedCount)?.['doubleValue'];
  const th = textOf(attributes.get(stampKeys.threshold)?.['stringValue']) || readTracestate(textOf(item['traceState'])).th;
  const said = [
    ...(count === undefined ? [] : [`adjusted count ${textOf(count)}`]),
    ...(th === null ? [] : [thresholdText(th)]),
  ];
  return said.length === 0 ? null : said.join(', ');
}

function thresholdText(th: string): string {
  const threshold = parseThreshold(th);
  return threshold === null ? `threshold ${th}, which is none` : `threshold ${th} (probability ${Number((Number(probabilityOfThreshold(threshold)) / 2 ** 56).toPrecision(6))})`;
}
