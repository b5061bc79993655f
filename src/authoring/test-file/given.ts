import { list, mapOf } from '../../config/collections.ts';
import type { Kind, ValueOf } from '../../config/kind.ts';
import { shown } from '../../config/place.ts';
import { duration, filePath, integer, number, oneOf, text } from '../../config/scalars.ts';
import { option, optional, required, section } from '../../config/section.ts';
import { drawn, drawnNumber, type Drawn } from './drawn.ts';

/** An attribute's value; `double` tells 1.0 from 1, which YAML does not. */
export type AttributeValue = string | boolean | number | { readonly double: number };

const attributeValue: Kind<AttributeValue> = {
  name: 'text, number, true or false',
  schema: { type: ['string', 'number', 'boolean'] },
  read: (input, place) => (typeof input === 'string' || typeof input === 'boolean' || (typeof input === 'number' && Number.isFinite(input))
    ? input : place.fail(`expected a text, a number, true or false, got ${shown(input)}`)),
};

const double = section('', { double: required('double', number(), 'A number that is a double even where it is whole.') });
const plainAttribute = drawn(attributeValue);
const numberAttribute = drawnNumber(number());

/** An attribute's value, fixed or drawn, or `{ double: 1 }`. */
const attribute: Kind<Drawn<AttributeValue>> = {
  name: attributeValue.name,
  schema: { anyOf: [attributeValue.schema, double.schema, plainAttribute.schema, numberAttribute.schema] },
  read: (input, place) => {
    if (typeof input !== 'object' || input === null || Object.hasOwn(input, 'one_of')) return plainAttribute.read(input, place);
    if (!Object.hasOwn(input, 'double')) return numberAttribute.read(input, place);
    const value = double.read(input, place);
    return value === undefined ? undefined : { kind: 'same', value };
  },
};

const attributes = mapOf(attribute, /^.+$/s, 'a key');
const attributesField = (of: string) => option('attributes', attributes, {}, `Attributes of the ${of}. Text may hold {i}, the number of the repetition.`);
const resourceField = option('resource', attributes, {}, 'Attributes of the resource beside service.name.');
const scope = section('The instrumentation scope.', {
  name: required('name', text, 'Name.'),
  version: optional('version', text, 'Version.'),
});

const statusCodes = { unset: 0, ok: 1, error: 2 } as const;
const kinds = { unspecified: 0, internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const;
export const statusNumber = (name: keyof typeof statusCodes): number => statusCodes[name];
export const kindNumber = (name: keyof typeof kinds): number => kinds[name];

const hexId: Kind<string> = {
  name: '32 hex digits',
  schema: { type: 'string', pattern: '^[0-9a-fA-F]{32}$' },
  read: (input, place) => (typeof input === 'string' && /^[0-9a-f]{32}$/i.test(input) && !/^0+$/.test(input)
    ? input.toLowerCase() : place.fail(`expected 32 hexadecimal digits in quotes, not all zero, got ${shown(input)}`)),
};

const event = section('An event of a span.', {
  name: required('name', text, 'For example exception.'),
  atMs: option('at', duration(), '0s', 'Time after the start of the span.'),
  attributes: attributesField('event'),
});

const link = section('A link of a span.', {
  trace: optional('trace', text, 'Name of the given trace that it points to; of its repetitions the one of the same number.'),
  traceId: optional('trace_id', hexId, 'Trace that it points to.'),
  attributes: attributesField('link'),
});

const span = section('A span of a trace.', {
  name: option('name', drawn(text), 'span', 'Operation. Text may hold {i}.'),
  service: option('service', drawn(text), 'app', 'service.name of the resource. Text may hold {i}.'),
  kind: option('kind', oneOf('unspecified', 'internal', 'server', 'client', 'producer', 'consumer'), 'internal', 'Kind.'),
  startMs: option('start', duration(), '0s', 'Start, after the start of the trace.'),
  durationMs: option('duration', drawnNumber(duration()), '10ms', 'How long it took.'),
  status: option('status', drawn(oneOf('unset', 'ok', 'error')), 'unset', 'Status.'),
  statusMessage: optional('status_message', text, 'What the status says.'),
  parent: optional('parent', integer({ min: -1 }), 'Number of its parent in the list, from 0; -1 for none. Without it the first span is the root, and the parent of the others.'),
  repeat: option('repeat', integer({ min: 1, max: 100_000 }), 1, 'So many alike.'),
  attributes: attributesField('span'),
  resource: resourceField,
  scope: optional('scope', scope, 'The instrumentation scope.'),
  events: option('events', list(event), [], 'Events.'),
  links: option('links', list(link), [], 'Links.'),
  tracestate: optional('tracestate', text, 'W3C tracestate, as ot=th:8 for what came sampled at one half.'),
  adjustedCount: optional('adjusted_count', drawnNumber(number({ min: 1 })), 'Attribute sampling.adjusted_count: what came sampled without a threshold.'),
});

const trace = section('A trace, or many alike.', {
  name: required('name', text, 'What expectations call it.'),
  repeat: option('repeat', integer({ min: 1, max: 1_000_000 }), 1, 'So many alike, each with an id of its own.'),
  id: optional('id', hexId, 'Trace id. Without it one is drawn by the seed.'),
  window: option('window', integer({ min: 0, max: 10_000 }), 0, 'The window that it starts in, from 0.'),
  startMs: option('start', drawnNumber(duration()), '0s', 'Start, after the start of the window.'),
  tracestate: optional('tracestate', text, 'Tracestate of all its spans.'),
  spans: option('spans', list(span), [{}], 'Its spans.'),
});

const severityNumbers = { unknown: 0, trace: 1, debug: 5, info: 9, warn: 13, error: 17, fatal: 21 } as const;
type Severity = keyof typeof severityNumbers;

const severity: Kind<number> = {
  name: 'trace | debug | info | warn | error | fatal | 0 to 24',
  schema: { anyOf: [{ enum: Object.keys(severityNumbers) }, { type: 'integer', minimum: 0, maximum: 24 }] },
  read: (input, place) => {
    if (typeof input === 'number' && Number.isInteger(input) && input >= 0 && input <= 24) return input;
    const name = (Object.keys(severityNumbers) as Severity[]).find((known) => known === input);
    return name === undefined ? place.fail(`expected a severity such as warn, or a number from 0 to 24, got ${shown(input)}`) : severityNumbers[name];
  },
};

const log = section('A log record, or many alike.', {
  name: required('name', text, 'What expectations call it.'),
  repeat: option('repeat', integer({ min: 1, max: 1_000_000 }), 1, 'So many alike.'),
  trace: optional('trace', text, 'Name of the given trace that it belongs to; of its repetitions one after the other.'),
  traceId: optional('trace_id', hexId, 'The trace that it belongs to.'),
  window: option('window', integer({ min: 0, max: 10_000 }), 0, 'The window that it falls into, from 0.'),
  startMs: option('start', drawnNumber(duration()), '0s', 'Time after the start of the window.'),
  severity: option('severity', drawnNumber(severity), 'info', 'Severity.'),
  body: option('body', drawn(text), 'log record', 'Text. It may hold {i}.'),
  eventName: optional('event_name', text, 'What kind of event it is.'),
  service: option('service', drawn(text), 'app', 'service.name of the resource. Text may hold {i}.'),
  attributes: attributesField('record'),
  resource: resourceField,
  scope: optional('scope', scope, 'The instrumentation scope.'),
  adjustedCount: optional('adjusted_count', drawnNumber(number({ min: 1 })), 'Attribute sampling.adjusted_count: what came sampled without a threshold.'),
});

/** What a case is given: traces and log records, or a capture file. */
export const given = section('What comes in.', {
  traces: option('traces', list(trace), [], 'Traces.'),
  logs: option('logs', list(log), [], 'Log records.'),
  captures: option('capture', list(filePath), [], 'Capture files, relative to the test file; their own times hold. Not together with traces and logs.'),
});

/** Kinds that others are made of again and again. */
export const sharedKinds = { attribute, event, link, span, trace, log } as const;

export type Given = ValueOf<typeof given>;
export type GivenTrace = ValueOf<typeof trace>;
export type GivenSpan = ValueOf<typeof span>;
export type GivenLog = ValueOf<typeof log>;
export type GivenAttributes = Readonly<Record<string, Drawn<AttributeValue>>>;
