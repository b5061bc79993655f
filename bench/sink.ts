import { realSeam } from '../src/base/seam.ts';
import { GrpcServer } from '../src/grpc/server.ts';
import { decodeBatchArrowRecords } from '../src/otap/proto/batch-arrow-records.ts';
import { acceptedAck } from '../src/pipeline/intake-port.ts';
import { addOtapReceiver } from '../src/receivers/otap.ts';
import { silentLogger } from '../src/telemetry/log.ts';

// A process that acknowledges every OTAP batch. It tells its parent {port}, and at any message from it {batches, bytes}.
const server = new GrpcServer({ seam: realSeam(), log: silentLogger, limits: { messageBytesMax: 2 ** 28 } });
const received = { batches: 0, bytes: 0 };
addOtapReceiver(server, () => ({
  accept: async ({ bytes, compressed }) => {
    received.batches++;
    received.bytes += (compressed ?? bytes).length;
    return { batchId: decodeBatchArrowRecords(bytes).batchId, ack: acceptedAck, streamBroken: false };
  },
  close: () => undefined,
}));
process.on('message', () => process.send?.(received));
process.on('disconnect', () => process.exit());
process.send?.({ port: await server.listen('127.0.0.1', 0) });
