import http2 from 'node:http2';
import { encodeFrame, FrameReader } from '../src/grpc/framing.ts';
import { deflateMessage } from '../src/grpc/message-encoding.ts';
import { decodeBatchStatus } from '../src/otap/proto/batch-status.ts';
import { otapPaths } from '../src/otap/proto/services.ts';
import { argument, numberIn, textIn } from './children.ts';
import { firstMessages } from './readers.ts';

/** Batches that wait for their answer; what an OTAP exporter has under way, too. */
const inFlightMax = 8;

// A process that sends a capture file over one OTAP stream, each message as one zstd frame, as fast as it is answered.
// It tells its parent {ready} when all messages are framed, starts at any message from it, and ends with {sent}.
const options = argument();
const frames: Buffer[] = [];
for (const bytes of firstMessages(textIn(options, 'input'), numberIn(options, 'items'), numberIn(options, 'batchRows'))) {
  frames.push(encodeFrame(await deflateMessage('zstd', bytes, 3), true));
}
process.on('disconnect', () => process.exit());
process.once('message', () => send(numberIn(options, 'port')));
process.send?.({ ready: frames.length });

function send(port: number): void {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const stream = session.request({
    ':method': 'POST', ':path': otapPaths.traces, 'content-type': 'application/grpc', te: 'trailers', 'grpc-encoding': 'zstd',
  });
  const answers = new FrameReader(1 << 20);
  let [sent, answered] = [0, 0];
  const fill = (): void => {
    while (sent < frames.length && sent - answered < inFlightMax) stream.write(frames[sent++]);
  };
  stream.on('data', (chunk: Buffer) => {
    answers.push(chunk);
    for (let frame = answers.next(); frame !== null; frame = answers.next()) {
      const { statusCode, statusMessage } = decodeBatchStatus(frame.payload);
      if (statusCode !== 0) throw new Error(`batch ${answered} was refused: ${statusCode} ${statusMessage}`);
      answered++;
    }
    fill();
    if (answered === frames.length) stream.end();
  });
  stream.on('close', () => {
    if (answered < frames.length) throw new Error(`the stream ended after ${answered} of ${frames.length} batches`);
    session.close();
    process.send?.({ sent });
  });
  fill();
}
