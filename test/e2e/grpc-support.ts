import { readFileSync } from 'node:fs';
import { realSeam } from '../../src/base/seam.ts';
import { GrpcServer, type GrpcServerLimits } from '../../src/grpc/server.ts';
import { decodeBatchArrowRecords } from '../../src/otap/proto/batch-arrow-records.ts';
import { acceptedAck, type BatchAnswer, type OpenIntakeStream } from '../../src/pipeline/intake-port.ts';
import { addOtapReceiver, type OtapBatchEvent } from '../../src/receivers/otap.ts';
import { silentLogger } from '../../src/telemetry/log.ts';

/** Messages of a capture file: [uvarint length][message] repeated. */
export function captureMessages(path: string | URL): Buffer[] {
  const file = readFileSync(path);
  const messages: Buffer[] = [];
  for (let position = 0; position < file.length;) {
    let length = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      const byte = file[position++];
      length |= (byte & 0x7f) << shift;
      more = byte >= 0x80;
    }
    messages.push(file.subarray(position, position + length));
    position += length;
  }
  return messages;
}

/** An intake that remembers what it was given; `answer` says what to answer, at once or later. */
export class RecordingIntake {
  readonly received: { readonly bytes: Buffer; readonly compressed: Buffer | null; readonly encoding: string }[] = [];
  readonly events: OtapBatchEvent[] = [];
  opened = 0;
  closed = 0;
  unanswered = 0;
  unansweredMax = 0;
  answer: (batchId: bigint, stream: number) => BatchAnswer | Promise<BatchAnswer> = (batchId) => accepted(batchId);

  readonly open: OpenIntakeStream = () => {
    const stream = this.opened++;
    return {
      accept: async (message) => {
        const { batchId } = decodeBatchArrowRecords(message.bytes);
        const compressed = message.compressed === null ? null : Buffer.from(message.compressed);
        this.received.push({ bytes: Buffer.from(message.bytes), compressed, encoding: message.encoding });
        this.unansweredMax = Math.max(this.unansweredMax, ++this.unanswered);
        try {
          return await this.answer(batchId, stream);
        } finally {
          this.unanswered--;
        }
      },
      close: () => {
        this.closed++;
      },
    };
  };
}

export function accepted(batchId: bigint): BatchAnswer {
  return { batchId, ack: acceptedAck, streamBroken: false };
}

/** Runs `work` against an OTAP receiver on a port of its own; drains it at the end. */
export async function withReceiver(
  intake: RecordingIntake,
  limits: Partial<GrpcServerLimits>,
  work: (port: number, server: GrpcServer) => Promise<void>,
  at = 0,
): Promise<void> {
  const server = new GrpcServer({ seam: realSeam(), log: silentLogger, limits });
  addOtapReceiver(server, intake.open, { inFlightBatchesMax: 4, onBatch: (event) => intake.events.push(event) });
  const port = await server.listen('127.0.0.1', at);
  try {
    await work(port, server);
  } finally {
    await server.drain(1000);
  }
}
