import { WireReader, wireTypes } from '../otap/proto/wire-reader.ts';

/** What a server says of items that it did not take; the zero value where it says nothing. */
export interface PartialSuccess {
  readonly rejected: number;
  readonly message: string;
}

const none: PartialSuccess = { rejected: 0, message: '' };
const messageCharactersMax = 1000;

/**
 * partial_success of an ExportXServiceResponse: field 1, with the number of rejected items (1) and a message (2), in all signals. Bytes that are
 * no such message say nothing: the request was accepted, whatever stands there.
 */
export function partialSuccessOf(response: Uint8Array): PartialSuccess {
  try {
    const reader = new WireReader(response);
    let partial = none;
    while (reader.next()) {
      if (reader.is(1, wireTypes.BYTES)) partial = readPartial(reader.message());
      else reader.skip();
    }
    return partial;
  } catch {
    return none;
  }
}

function readPartial(reader: WireReader): PartialSuccess {
  let rejected = 0;
  let message = '';
  while (reader.next()) {
    if (reader.is(1, wireTypes.VARINT)) rejected = countOf(Number(reader.int64()));
    else if (reader.is(2, wireTypes.BYTES)) message = reader.string().slice(0, messageCharactersMax);
    else reader.skip();
  }
  return { rejected, message };
}

/** The same of a response in JSON. */
export function partialSuccessOfJson(response: string): PartialSuccess {
  const partial = member(parsed(response), 'partialSuccess');
  const rejected = ['rejectedSpans', 'rejectedLogRecords', 'rejectedDataPoints'].map((name) => countOf(Number(member(partial, name) ?? 0)));
  const message = member(partial, 'errorMessage');
  return { rejected: Math.max(...rejected), message: typeof message === 'string' ? message.slice(0, messageCharactersMax) : '' };
}

/** The message (2) of a google.rpc.Status, '' where the bytes are none. */
export function statusMessageOf(status: Uint8Array): string {
  try {
    const reader = new WireReader(status);
    let message = '';
    while (reader.next()) {
      if (reader.is(2, wireTypes.BYTES)) message = reader.string();
      else reader.skip();
    }
    return message.slice(0, messageCharactersMax);
  } catch {
    return '';
  }
}

/** The same of a status in JSON. */
export function statusMessageOfJson(status: string): string {
  const message = member(parsed(status), 'message');
  return typeof message === 'string' ? message.slice(0, messageCharactersMax) : '';
}

function countOf(value: number): number {
  return Number.isSafeInteger(value) && value > 0 ? value : 0;
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return null;
  }
}

function member(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? Reflect.get(of, name) : undefined;
}
