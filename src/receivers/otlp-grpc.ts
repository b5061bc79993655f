import type { ByteBudget, ByteShare } from '../base/byte-budget.ts';
import type { GrpcServer } from '../grpc/server.ts';
import type { GrpcMessage, ServerCall } from '../grpc/call.ts';
import type { Signal } from '../otap/payload-type.ts';
import { otlpGrpcPaths } from '../otlp/services.ts';
import type { OpenOtlpIntake, OtlpIntake } from '../pipeline/intake-port.ts';
import { counted, drainingError, notTaken, type OnRefused } from './refusals.ts';

export interface OtlpGrpcParts {
  /** Called for each request. */
  readonly open: OpenOtlpIntake;
  /** Requests that the intake has not answered. */
  readonly budget: ByteBudget;
  readonly onRefused: OnRefused;
}

/** An ExportXServiceResponse that says nothing: everything was taken. */
const emptyResponse = new Uint8Array(0);

/** Adds the Export methods of OTLP's three services to a gRPC server. */
export function addOtlpReceiver(server: GrpcServer, parts: OtlpGrpcParts): void {
  for (const signal of ['traces', 'logs', 'metrics'] as const) {
    server.addUnaryMethod(otlpGrpcPaths[signal], (message, call) => serveExport(signal, message, call, parts));
  }
}

async function serveExport(signal: Signal, message: GrpcMessage, call: ServerCall, parts: OtlpGrpcParts): Promise<Uint8Array> {
  const share = parts.budget.open();
  try {
    const intake = counted(() => admitted(signal, message, call, share, parts), parts.onRefused, call.peer);
    const ack = await intake.accept(message);
    if (ack.status === 'OK') return emptyResponse;
    throw notTaken(ack);
  } finally {
    share.release();
  }
}

function admitted(signal: Signal, { bytes, compressed }: GrpcMessage, { draining }: ServerCall, share: ByteShare, { open }: OtlpGrpcParts): OtlpIntake {
  if (draining.aborted) throw drainingError();
  share.add(bytes.length + (compressed?.length ?? 0));
  return open(signal);
}
