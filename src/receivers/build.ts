import { parseEndpoint } from '../base/endpoint.ts';
import { CodedError, messageOf } from '../base/errors.ts';
import type { Seam } from '../base/seam.ts';
import type { GrpcListenerConfig, ReceiverConfig } from '../config/load.ts';
import { GrpcServer } from '../grpc/server.ts';
import type { Intake } from '../pipeline/intake.ts';
import { openListenerSecurity } from '../security/listener-security.ts';
import type { Logger } from '../telemetry/log.ts';
import type { MetricRegistry } from '../telemetry/metrics.ts';
import { addOtapReceiver } from './otap.ts';
import { OtapFileReceiver } from './otap-file.ts';
import type { CheckTaken } from './taken.ts';

export interface ReceiverTools {
  readonly seam: Seam;
  readonly log: Logger;
  readonly registry: MetricRegistry;
  readonly intake: Intake;
  /** Throws where a receiver does not take a signal. */
  readonly checkTaken: CheckTaken;
}

/** Receivers that listen. */
export interface Receivers {
  /** `host:port` of each gRPC server, as it is listened on. */
  readonly grpcAddresses: readonly string[];
  /** Begins to read files; before it only what listens takes telemetry in. */
  start(): void;
  /** Takes nothing more in; what is under way gets `deadlineMs` to be answered. */
  drain(deadlineMs: number): Promise<void>;
}

type ListeningConfig = Extract<ReceiverConfig, { readonly type: 'otlp' | 'otap' }>;

interface Listening {
  readonly address: string;
  drain(deadlineMs: number): Promise<void>;
}

/** Opens the receivers of a configuration. Throws CodedError `cannot_listen`; then those that were open are closed again. */
export async function startReceivers(configs: readonly ReceiverConfig[], tools: ReceiverTools): Promise<Receivers> {
  const grpc: Listening[] = [];
  const files: OtapFileReceiver[] = [];
  const drain = async (deadlineMs: number): Promise<void> => {
    await Promise.all([...files.map((file) => file.stop()), ...grpc.map((server) => server.drain(deadlineMs))]);
  };
  try {
    for (const config of configs) {
      if (config.type === 'otap_file') files.push(new OtapFileReceiver(config, tools));
      else if (config.grpc !== null) grpc.push(await listenGrpc(config, config.grpc, tools));
    }
  } catch (error) {
    await drain(0);
    throw error;
  }
  return {
    grpcAddresses: grpc.map(({ address }) => address),
    start: () => {
      for (const file of files) file.start();
    },
    drain,
  };
}

async function listenGrpc(receiver: ListeningConfig, grpc: GrpcListenerConfig, { seam, log, registry, intake, checkTaken }: ReceiverTools): Promise<Listening> {
  const name = `receivers.${receiver.id}.grpc`;
  const security = openListenerSecurity(grpc, { name, seam, log, registry });
  const server = new GrpcServer({ seam, log, security, limits: { messageBytesMax: grpc.maxRecvMsgBytes, streamsPerConnectionMax: grpc.maxConcurrentStreams } });
  addOtapReceiver(server, (signal) => {
    checkTaken(receiver.id, signal);
    return intake.open(signal, { withoutThreshold: receiver.inputWithoutThreshold, validate: receiver.validate });
  });
  const address = await listening(name, grpc.endpoint, (host, port) => server.listen(host, port));
  return { address, drain: (deadlineMs) => server.drain(deadlineMs) };
}

/** Listens on `endpoint`; gives `host:port` as it is listened on. */
async function listening(place: string, endpoint: string, listen: (host: string, port: number) => Promise<number>): Promise<string> {
  const wanted = parseEndpoint(endpoint);
  if (wanted === null) throw new Error(`invariant broken: endpoint ${endpoint}`);
  try {
    return `${wanted.host}:${await listen(wanted.host, wanted.port)}`;
  } catch (error) {
    throw new CodedError('UNAVAILABLE', 'cannot_listen', `${place}: cannot listen on ${endpoint}: ${messageOf(error)}`, { cause: error });
  }
}
