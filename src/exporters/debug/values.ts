import { asObject, type JsonObject, objectsOf, textOf } from './json.ts';

/** Of a longer text the rest is left out. */
const valueCharsMax = 4096;

/** An AnyValue of OTLP's JSON in one line: texts in quotes, bytes in base64, lists and maps in brackets. */
export function valueText(value: unknown): string {
  return shortened(whole(asObject(value)));
}

function whole(value: JsonObject): string {
  const [[kind, content] = ['', undefined]] = Object.entries(value);
  switch (kind) {
    case 'stringValue': return JSON.stringify(textOf(content));
    case 'bytesValue': return `bytes ${textOf(content)}`;
    case 'arrayValue': return `[${objectsOf(asObject(content)['values']).map(whole).join(', ')}]`;
    case 'kvlistValue': return `{${attributesOf(asObject(content)['values']).map(([key, text]) => `${key}: ${text}`).join(', ')}}`;
    case '': return 'empty';
    default: return textOf(content);
  }
}

/** Keys and values of a list of KeyValue, in their order. */
export function attributesOf(list: unknown): (readonly [string, string])[] {
  return objectsOf(list).map(({ key, value }) => [textOf(key), valueText(value)] as const);
}

/** Nanoseconds since the epoch, as OTLP's JSON has them, as UTC; '' where the time is not set. */
export function timeText(unixNano: unknown): string {
  const text = textOf(unixNano);
  if (!/^\d{1,20}$/.test(text) || text === '0') return '';
  const nano = BigInt(text);
  const date = new Date(Number(nano / 1_000_000n));
  if (Number.isNaN(date.getTime())) return text;
  return `${date.toISOString().slice(0, -4)}${String(nano % 1_000_000_000n).padStart(9, '0')}Z`;
}

/** Characters that steer a terminal, which telemetry may hold, are shown and not sent to it. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function shortened(text: string): string {
  return text.length <= valueCharsMax ? text : `${text.slice(0, valueCharsMax)}... (${text.length - valueCharsMax} more characters)`;
}
