import { CodedError } from '../../base/errors.ts';
import { OtapDecodeError } from '../../otap/decode/errors.ts';

/** A request that cannot be read, or a part of it. There is no stream that it could break. */
export class OtlpDecodeError extends OtapDecodeError {
  constructor(cause: CodedError, where: string | null) {
    super(cause, where, null, false);
    this.name = 'OtlpDecodeError';
  }
}

/** Runs `read`; what it throws says which part of the request it was. */
export function named<T>(where: string | null, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof OtlpDecodeError || !(error instanceof CodedError)) throw error;
    throw new OtlpDecodeError(error, where);
  }
}

/** A trace or span id that is neither empty nor of its size. */
export function invalidId(path: string, length: number, width: number): CodedError {
  return new CodedError('INVALID_ARGUMENT', 'invalid_id', `${path} of ${length} bytes, where 0 or ${width} are right`);
}
