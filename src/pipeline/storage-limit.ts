import { CodedError } from '../base/errors.ts';
import { retryAfterMs } from '../storage/record-log.ts';

/** What senders are told when `what` has as many bytes on the disk as it may. */
export function overLimit(what: string, limitBytes: number): CodedError {
  return new CodedError('RESOURCE_EXHAUSTED', 'storage_limit', `${what} has reached storage.limit (${limitBytes} bytes): the next hop takes too little, or the limit is too small`, { retryAfterMs });
}
