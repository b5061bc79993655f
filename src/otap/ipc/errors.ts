import { CodedError } from '../../base/errors.ts';

/** Bytes that are no Arrow IPC message of the expected kind, or one whose parts contradict each other. */
export function malformedIpc(detail: string): CodedError {
  return new CodedError('INVALID_ARGUMENT', 'malformed_ipc', `malformed Arrow IPC: ${detail}`);
}

/** More than a limit of this decoder allows. The sender should send smaller batches. */
export function overLimit(what: string, found: number, limit: number): CodedError {
  return new CodedError('INVALID_ARGUMENT', 'over_limit', `${what}: ${found} is over the limit of ${limit}`);
}
