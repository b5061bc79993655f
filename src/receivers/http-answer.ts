import { type ServerResponse, STATUS_CODES } from 'node:http';
import protobuf from 'protobufjs';
import { CodedError, type StatusName, statusNumbers } from '../base/errors.ts';
import { UnauthenticatedError } from '../security/bearer-auth.ts';

/** Encodings of OTLP over HTTP; answers are in that of the request. */
export type OtlpHttpEncoding = 'proto' | 'json';

export const contentTypes: { readonly [encoding in OtlpHttpEncoding]: string } = { proto: 'application/x-protobuf', json: 'application/json' };

/** A refusal that HTTP has a status for which no status of gRPC leads to. */
export class HttpRefusal extends CodedError {
  readonly httpStatus: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(httpStatus: number, status: StatusName, reason: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(status, reason, message);
    this.name = 'HttpRefusal';
    this.httpStatus = httpStatus;
    this.headers = headers;
  }
}

/** The refusal of a body over the limit. */
export function bodyTooLarge(bytesMax: number): HttpRefusal {
  return new HttpRefusal(413, 'RESOURCE_EXHAUSTED', 'message_too_large', `the body is over the limit of ${bytesMax} bytes`);
}

/**
 * HTTP statuses of refusals. OTLP's senders come again after 429 and 503 (and 502, 504), so these are for what may be taken later: whatever
 * gRPC's senders may send again too (OTLP specification, "OTLP/HTTP Response", "OTLP/gRPC Response").
 */
const httpStatuses: { readonly [status in Exclude<StatusName, 'OK'>]: number } = {
  INVALID_ARGUMENT: 400, FAILED_PRECONDITION: 400, OUT_OF_RANGE: 400,
  UNAUTHENTICATED: 401, PERMISSION_DENIED: 403, NOT_FOUND: 404, UNIMPLEMENTED: 404,
  RESOURCE_EXHAUSTED: 429, CANCELLED: 503, ABORTED: 503, UNAVAILABLE: 503, DEADLINE_EXCEEDED: 504,
  UNKNOWN: 500, INTERNAL: 500, DATA_LOSS: 500,
};

/** The HTTP status that answers an error; what says not when to come again would never fit. */
function httpStatusOf(error: CodedError): number {
  if (error instanceof HttpRefusal) return error.httpStatus;
  if (error.status === 'RESOURCE_EXHAUSTED' && error.retryAfterMs === null) return 413;
  return error.status === 'OK' ? 500 : httpStatuses[error.status];
}

/** Everything was taken: an ExportXServiceResponse that says nothing. `headers` go with it. */
export function answerTaken(response: ServerResponse, encoding: OtlpHttpEncoding, headers: Readonly<Record<string, string>> | null): void {
  const own = takenHeaders[encoding];
  if (headers === null) response.writeHead(200, own.flat);
  else response.writeHead(200, { ...own.named, ...headers });
  response.end(own.body);
}

const takenHeaders = { proto: taken('proto', ''), json: taken('json', '{}') };

function taken(encoding: OtlpHttpEncoding, body: string): { readonly body: string; readonly named: Record<string, string>; readonly flat: string[] } {
  const named = { 'content-type': contentTypes[encoding], 'content-length': String(body.length) };
  return { body, named, flat: Object.entries(named).flat() };
}

/** Answers with the status of `error`, and a google.rpc.Status in `encoding`. */
export function answerRefused(response: ServerResponse, encoding: OtlpHttpEncoding, error: CodedError, headers: Readonly<Record<string, string>> | null): void {
  const body = encoding === 'json' ? statusJson(error) : statusProto(error);
  response.writeHead(httpStatusOf(error), {
    'content-type': contentTypes[encoding], 'content-length': String(body.length), ...ownHeaders(error), ...headers,
  });
  response.end(body);
}

function ownHeaders(error: CodedError): Readonly<Record<string, string>> {
  if (error instanceof HttpRefusal) return error.headers;
  if (error instanceof UnauthenticatedError) return { 'www-authenticate': error.challenge };
  return error.retryAfterMs === null ? {} : { 'retry-after': String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))) };
}

/** A whole answer as text, for a connection on which no request could be read. The connection is to be closed after it. */
export function answerText(error: CodedError): string {
  const status = httpStatusOf(error);
  const body = statusJson(error);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nconnection: close\r\ncontent-type: ${contentTypes.json}\r\ncontent-length: ${body.length}\r\n\r\n${body.toString()}`;
}

const messageCharactersMax = 1000;

function statusJson({ status, message }: CodedError): Buffer {
  return Buffer.from(JSON.stringify({ code: statusNumbers[status], message: message.slice(0, messageCharactersMax) }));
}

/** google.rpc.Status: code (1), message (2). */
function statusProto({ status, message }: CodedError): Uint8Array {
  return protobuf.Writer.create().uint32(0x08).int32(statusNumbers[status]).uint32(0x12).string(message.slice(0, messageCharactersMax)).finish();
}
