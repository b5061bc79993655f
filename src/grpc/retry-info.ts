import { statusNumbers, type StatusName } from '../base/errors.ts';
import protobuf from 'protobufjs';

const typeUrl = 'type.googleapis.com/google.rpc.RetryInfo';

/**
 * The grpc-status-details-bin header of a status that says when to come again: google.rpc.Status with one
 * google.rpc.RetryInfo, in base64. OTLP senders retry RESOURCE_EXHAUSTED only when it is there
 * (OTLP specification, "OTLP/gRPC Throttling").
 */
export function encodeRetryDetails(status: StatusName, message: string, retryAfterMs: number): string {
  const seconds = Math.floor(retryAfterMs / 1000);
  const nanos = Math.round((retryAfterMs - seconds * 1000) * 1e6);
  const writer = protobuf.Writer.create();
  writer.uint32(0x08).int32(statusNumbers[status]).uint32(0x12).string(message);
  writer.uint32(0x1a).fork().uint32(0x0a).string(typeUrl).uint32(0x12).fork();
  writer.uint32(0x0a).fork().uint32(0x08).int64(seconds).uint32(0x10).int32(nanos).ldelim();
  writer.ldelim().ldelim();
  return Buffer.from(writer.finish()).toString('base64').replace(/=+$/, '');
}

/** The RetryInfo delay of a grpc-status-details-bin header, or null where there is none or the header is malformed. */
export function decodeRetryDelayMs(header: string): number | null {
  try {
    return retryDelayMs(protobuf.Reader.create(Buffer.from(header, 'base64')));
  } catch {
    return null;
  }
}

function retryDelayMs(status: protobuf.Reader): number | null {
  let delayMs: number | null = null;
  eachField(status, (tag) => {
    if (tag !== 0x1a) return false;
    const any = protobuf.Reader.create(status.bytes());
    let isRetryInfo = false;
    eachField(any, (anyTag) => {
      if (anyTag === 0x0a) isRetryInfo = any.string() === typeUrl;
      else if (anyTag === 0x12 && isRetryInfo) delayMs = durationMs(protobuf.Reader.create(any.bytes()));
      else return false;
      return true;
    });
    return true;
  });
  return delayMs;
}

function durationMs(retryInfo: protobuf.Reader): number {
  let ms = 0;
  eachField(retryInfo, (tag) => {
    if (tag !== 0x0a) return false;
    const duration = protobuf.Reader.create(retryInfo.bytes());
    eachField(duration, (part) => {
      if (part === 0x08) ms += Number(duration.int64()) * 1000;
      else if (part === 0x10) ms += duration.int32() / 1e6;
      else return false;
      return true;
    });
    return true;
  });
  return Math.max(0, ms);
}

/** Calls `read` with each tag; skips the fields that it did not read. */
function eachField(reader: protobuf.Reader, read: (tag: number) => boolean): void {
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (!read(tag)) reader.skipType(tag & 7);
  }
}
