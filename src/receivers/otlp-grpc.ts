import type { ByteBudget } from '../base/byte-budget.ts';
import { CodedError } from '../base/errors.ts';
import type { GrpcServer } from '../grpc/server.ts';
import type { GrpcMessage, ServerCall } from '../grpc/server-call.ts';
import type { OtlpIntake } from '../pipeline/intake-port.ts';
import { otlpGrpcPaths } from '../otlp/services.ts';
import { drainingError, type OnRefused, type OtlpIntakes, takenIntake } from './refusals.ts';

export interface OtlpGrpcParts {
  readonly intakes: OtlpIntakes;
  /** Requests that the intake has not answered. */
  readonly budget: ByteBudget;
  readonly onRefused: OnRefused;
}

/** An ExportXServiceResponse that says nothing: everything was taken. */
const emptyResponse = new Uint8Array(0);

/** Adds the Export methods of OTLP's three services to a gRPC server. */
export function addOtlpReceiver(server: GrpcServer, { intakes, budget, onRefused }: OtlpGrpcParts): void {
  for (const signal of ['traces', 'logs', 'metrics'] as const) {
    server.addUnaryMethod(otlpGrpcPaths[signal], async (message, call) => {
      const share = budget.open();
      try {
        const intake = admitted(message, call);
        return await exported(intake, message);
      } finally {
        share.release();
      }

      function admitted({ bytes, wireBytes }: GrpcMessage, { draining, peer }: ServerCall): OtlpIntake {
        try {
          if (draining.aborted) throw drainingError();
          share.add(bytes.length + wireBytes);
          return takenIntake(intakes[signal]);
        } catch (error) {
          if (error instanceof CodedError) onRefused(error, peer);
          throw error;
        }
      }
    });
  }
}

async function exported(intake: OtlpIntake, message: GrpcMessage): Promise<Uint8Array> {
  const { status, message: text, retryAfterMs } = await intake.accept(message);
  if (status === 'OK') return emptyResponse;
  throw new CodedError(status, 'not_taken', text, retryAfterMs === null ? {} : { retryAfterMs });
}
