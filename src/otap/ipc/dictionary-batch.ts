import { malformedIpc } from './errors.ts';
import type { IpcMessage } from './message.ts';
import { RecordBody } from './record-batch.ts';

/** A DictionaryBatch message: new values of a dictionary, appended (delta) or in place of the old. */
export interface DictionaryBatch {
  readonly id: number;
  readonly isDelta: boolean;
  readonly body: RecordBody;
}

/** Reads the header of a DictionaryBatch (Message.fbs); the body is not yet checked. */
export function readDictionaryBatch(message: IpcMessage): DictionaryBatch {
  const { metadata, header } = message;
  const data = metadata.table(header, 1);
  if (data === 0) throw malformedIpc('dictionary batch without data');
  return {
    id: metadata.size(header, 0, 'dictionary id'),
    isDelta: metadata.u8(header, 2, 0) !== 0,
    body: new RecordBody(message, data),
  };
}
