import { CodedError } from '../../base/errors.ts';

/** Why a request in JSON is refused; all are INVALID_ARGUMENT. */
export type JsonReason =
  | 'malformed_json'
  | 'wrong_type'
  | 'out_of_range'
  | 'duplicate_key'
  | 'invalid_id'
  | 'invalid_base64'
  | 'invalid_utf8'
  | 'nested_too_deep'
  | 'over_limit';

/** What is wrong with the JSON text at byte `offset`. Its message holds nothing of what was sent. */
export class JsonFault extends CodedError {
  readonly offset: number;

  constructor(reason: JsonReason, detail: string, offset: number) {
    super('INVALID_ARGUMENT', reason, detail);
    this.name = 'JsonFault';
    this.offset = offset;
  }
}

/** Bytes that are no JSON. */
export function malformedJson(detail: string, offset: number): JsonFault {
  return new JsonFault('malformed_json', detail, offset);
}
