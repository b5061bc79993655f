import type { SignalMessages } from '../../otlp/encode/messages.ts';
import { asObject, type JsonObject, objectsOf, textOf } from './json.ts';
import { samplingText } from './sampling.ts';
import { attributesOf, printable, timeText, valueText } from './values.ts';

/** A request with a line an item: what it is, and its attributes; before the items of a resource a line with the resource's. */
export function normalText(request: JsonObject, names: SignalMessages): string {
  const lines: string[] = [];
  for (const resource of objectsOf(request[names.resources])) {
    lines.push(`resource ${attributesText(asObject(resource['resource'])['attributes'])}`.trimEnd());
    for (const scope of objectsOf(resource[names.scopes])) {
      for (const item of objectsOf(scope[names.items])) lines.push(` ${itemText(item, names)}`);
    }
  }
  return printable(`${lines.join('\n')}\n`);
}

function itemText(item: JsonObject, { items }: SignalMessages): string {
  const parts = items === 'spans' ? spanParts(item) : items === 'logRecords' ? logParts(item) : metricParts(item);
  const sampling = samplingText(item);
  return [...parts, sampling === null ? '' : `(${sampling})`, attributesText(item['attributes'])].filter((part) => part !== '').join(' ');
}

function spanParts(span: JsonObject): string[] {
  const status = { 1: 'ok', 2: 'error' }[textOf(asObject(span['status'])['code'])] ?? '';
  return ['span', JSON.stringify(textOf(span['name'])), `trace ${textOf(span['traceId'])}`, `span ${textOf(span['spanId'])}`, durationText(span), status];
}

function durationText({ startTimeUnixNano, endTimeUnixNano }: JsonObject): string {
  const [start, end] = [startTimeUnixNano, endTimeUnixNano].map((time) => BigInt(textOf(time) || '0'));
  return end < start ? '' : `${Number(end - start) / 1e6} ms`;
}

function logParts(record: JsonObject): string[] {
  const time = timeText(record['timeUnixNano']) || timeText(record['observedTimeUnixNano']);
  const traceId = textOf(record['traceId']);
  return ['log', time, textOf(record['severityText']), record['body'] === undefined ? '' : valueText(record['body']), traceId === '' ? '' : `trace ${traceId}`];
}

const metricKinds = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'];

function metricParts(metric: JsonObject): string[] {
  const kind = metricKinds.find((name) => metric[name] !== undefined);
  const points = kind === undefined ? 0 : objectsOf(asObject(metric[kind])['dataPoints']).length;
  return ['metric', JSON.stringify(textOf(metric['name'])), kind ?? 'without data', `${points} data points`];
}

function attributesText(list: unknown): string {
  return attributesOf(list).filter(([key]) => !key.startsWith('sampling.')).map(([key, value]) => `${key}=${value}`).join(' ');
}
