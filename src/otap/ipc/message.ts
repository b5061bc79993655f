import { malformedIpc } from './errors.ts';
import { FlatBuffer } from './flatbuffer.ts';

/** Numbers of MessageHeader (Message.fbs). */
export const messageKinds = { SCHEMA: 1, DICTIONARY: 2, RECORD: 3 } as const;

/** More messages than any payload needs: one schema, a few for each dictionary column, one record batch. */
export const messageCountMax = 1024;

/** One encapsulated message; offsets are absolute in the view it was read from. */
export interface IpcMessage {
  readonly kind: number;
  readonly metadata: FlatBuffer;
  /** Position of the header table. */
  readonly header: number;
  /** First byte of the whole message, of its body, and the byte after it. */
  readonly start: number;
  readonly body: number;
  readonly end: number;
}

const continuation = 0xffffffff;
/** Message.fbs: V4 = 3 and V5 = 4 share this layout for all types that OTAP uses. */
const versionMin = 3;

/**
 * The encapsulated messages in `view[start, end)`: 0xFFFFFFFF, int32 metadata length, metadata, body (Arrow
 * "Encapsulated message format"). An end-of-stream marker ends them. Throws INVALID_ARGUMENT / malformed_ipc.
 */
export function readMessages(view: DataView, start: number, end: number): IpcMessage[] {
  const messages: IpcMessage[] = [];
  let at = start;
  while (at < end) {
    if (end - at < 8) throw malformedIpc(`${end - at} bytes after the last message`);
    if (view.getUint32(at, true) !== continuation) throw malformedIpc('message without continuation marker');
    const metadataBytes = view.getUint32(at + 4, true);
    if (metadataBytes === 0) break;
    if (messages.length === messageCountMax) throw malformedIpc(`more than ${messageCountMax} messages`);
    const message = readMessage(view, at, metadataBytes, end);
    messages.push(message);
    at = message.end;
  }
  return messages;
}

function readMessage(view: DataView, start: number, metadataBytes: number, end: number): IpcMessage {
  const metadataAt = start + 8;
  if (metadataBytes > end - metadataAt) throw malformedIpc(`metadata of ${metadataBytes} bytes where ${end - metadataAt} are left`);
  const body = metadataAt + metadataBytes;
  const metadata = new FlatBuffer(view, metadataAt, body);
  const root = metadata.root();
  if (metadata.i16(root, 0, 0) < versionMin) throw malformedIpc('metadata version before V4');
  const bodyBytes = metadata.size(root, 3, 'body length');
  if (bodyBytes > end - body) throw malformedIpc(`body of ${bodyBytes} bytes where ${end - body} are left`);
  const header = metadata.table(root, 2);
  if (header === 0) throw malformedIpc('message without header');
  return { kind: metadata.u8(root, 1, 0), metadata, header, start, body, end: body + bodyBytes };
}

/** The bytes of a whole message, a view. */
export function messageBytes({ metadata: { view }, start, end }: IpcMessage): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + start, end - start);
}
