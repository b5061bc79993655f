import { CodedError } from '../base/errors.ts';
import type { CaptureReader } from '../otap/capture-file.ts';

/** An error about the message that was read last, with its place in the file; errors of ours stay as they are. */
export function placed(error: unknown, { path, offset }: CaptureReader): unknown {
  if (!(error instanceof CodedError) || error.message.startsWith(path)) return error;
  return new CodedError(error.status, error.reason, `${path}, before byte ${offset}: ${error.message}`, { cause: error });
}
