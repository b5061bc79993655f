import type { SignalMessages } from '../../otlp/encode/messages.ts';
import { asObject, isObject, type JsonObject, objectsOf, textOf } from './json.ts';
import { samplingText } from './sampling.ts';
import { attributesOf, printable, timeText, valueText } from './values.ts';

/** Names of OTLP's enum numbers, by the field that holds them. */
const enumNames: { readonly [name: string]: readonly string[] } = {
  kind: ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'],
  code: ['unset', 'ok', 'error'],
  aggregationTemporality: ['unspecified', 'delta', 'cumulative'],
};
const attributeLists: ReadonlySet<string> = new Set(['attributes', 'filteredAttributes', 'metadata']);
/** What the heading of an item says already. */
const headed: ReadonlySet<string> = new Set(['name']);

/** A request with all that its items hold, a line a field, under the names that OTLP has for them. */
export function detailedText(request: JsonObject, names: SignalMessages): string {
  const lines: string[] = [];
  for (const resource of objectsOf(request[names.resources])) {
    lines.push(`resource${schemaText(resource)}`);
    writeMembers(lines, asObject(resource['resource']), 1, nothingHeaded);
    for (const scope of objectsOf(resource[names.scopes])) {
      lines.push(` scope${schemaText(scope)}`);
      writeMembers(lines, asObject(scope['scope']), 2, nothingHeaded);
      for (const item of objectsOf(scope[names.items])) writeItem(lines, item, names);
    }
  }
  return printable(`${lines.join('\n')}\n`);
}

const nothingHeaded: ReadonlySet<string> = new Set();

function schemaText({ schemaUrl }: JsonObject): string {
  return textOf(schemaUrl) === '' ? '' : ` (${textOf(schemaUrl)})`;
}

function writeItem(lines: string[], item: JsonObject, names: SignalMessages): void {
  const name = textOf(item['name']);
  lines.push(`  ${itemNames[names.items] ?? names.items}${name === '' ? '' : ` ${JSON.stringify(name)}`}`);
  const sampling = samplingText(item);
  if (sampling !== null) lines.push(`   sampling: ${sampling}`);
  writeMembers(lines, item, 3, headed);
}

/** What one of a list is called. */
const itemNames: { readonly [list: string]: string } = {
  spans: 'span', logRecords: 'log record', metrics: 'metric', events: 'event', links: 'link', dataPoints: 'data point', exemplars: 'exemplar', quantileValues: 'quantile',
};

function writeMembers(lines: string[], object: JsonObject, depth: number, without: ReadonlySet<string>): void {
  const indent = ' '.repeat(depth);
  for (const [name, value] of Object.entries(object)) {
    if (without.has(name)) continue;
    if (attributeLists.has(name)) {
      if (objectsOf(value).length > 0) lines.push(`${indent}${name}:`, ...attributesOf(value).map(([key, text]) => `${indent} ${key}: ${text}`));
    } else if (name === 'body') lines.push(`${indent}body: ${valueText(value)}`);
    else if (isObject(value)) {
      lines.push(`${indent}${name}:`);
      writeMembers(lines, value, depth + 1, nothingHeaded);
    } else if (Array.isArray(value) && value.some(isObject)) {
      for (const element of objectsOf(value)) {
        lines.push(`${indent}${itemNames[name] ?? name}:`);
        writeMembers(lines, element, depth + 1, nothingHeaded);
      }
    } else if (Array.isArray(value)) lines.push(`${indent}${name}: [${value.map(textOf).join(', ')}]`);
    else lines.push(`${indent}${name}: ${scalarText(name, value)}`);
  }
}

function scalarText(name: string, value: unknown): string {
  if (name.endsWith('UnixNano')) return timeText(value);
  const known = typeof value === 'number' ? enumNames[name]?.[value] : undefined;
  return known ?? textOf(value);
}
