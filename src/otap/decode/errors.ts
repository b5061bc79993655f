import { CodedError } from '../../base/errors.ts';

/**
 * A batch that cannot be decoded. `streamBroken`: the state of the stream can no longer be trusted, no later batch of
 * it may be decoded; else only this batch is lost.
 */
export class OtapDecodeError extends CodedError {
  readonly batchId: bigint | null;
  readonly streamBroken: boolean;

  constructor(cause: CodedError, where: string | null, batchId: bigint | null, streamBroken: boolean) {
    super(cause.status, cause.reason, where === null ? cause.message : `${where}: ${cause.message}`, { cause });
    this.name = 'OtapDecodeError';
    this.batchId = batchId;
    this.streamBroken = streamBroken;
  }
}

/** Values that contradict the schema, the dictionary or each other. */
export function invalidValues(detail: string): CodedError {
  return new CodedError('INVALID_ARGUMENT', 'invalid_values', detail);
}

/** A batch that breaks the rules of OTAP's streams (OTAP specification, section 4). */
export function brokenRule(reason: string, detail: string): CodedError {
  return new CodedError('INVALID_ARGUMENT', reason, detail);
}

/** A dictionary whose values cannot be read: every batch that uses it, now or later, is lost. */
export class DictionaryError extends OtapDecodeError {
  constructor(cause: CodedError) {
    super(cause, 'dictionary', null, true);
    this.name = 'DictionaryError';
  }
}
