import { ByteBudget } from '../base/byte-budget.ts';
import { formatEndpoint, parseEndpoint } from '../base/endpoint.ts';
import { CodedError, messageOf } from '../base/errors.ts';
import type { Seam } from '../base/seam.ts';
import type { GrpcListenerConfig, HttpListenerConfig, ReceiverConfig } from '../config/load.ts';
import { GrpcServer } from '../grpc/server.ts';
import type { Signal } from '../otap/payload-type.ts';
import type { Intake } from '../pipeline/intake.ts';
import type { OpenOtlpIntake, OtlpIntake } from '../pipeline/intake-port.ts';
import { openListenerSecurity } from '../security/listener-security.ts';
import type { Logger } from '../telemetry/log.ts';
import type { MetricRegistry } from '../telemetry/metrics.ts';
import { addOtapReceiver } from './otap.ts';
import { OtapFileReceiver } from './otap-file.ts';
import { addOtlpReceiver } from './otlp-grpc.ts';
import { OtlpHttpServer } from './otlp-http.ts';
import { counted, refusalCounter } from './refusals.ts';
import type { CheckTaken } from './taken.ts';

export interface ReceiverTools {
  readonly seam: Seam;
  readonly log: Logger;
  readonly registry: MetricRegistry;
  readonly intake: Intake;
  /** Throws where a receiver does not take a signal. */
  readonly checkTaken: CheckTaken;
  /** What all that is held in memory may take. */
  readonly memoryLimitBytes: number;
}

/** Receivers that listen. */
export interface Receivers {
  /** `host:port` of each gRPC server, as it is listened on. */
  readonly grpcAddresses: readonly string[];
  /** The same of those that take OTLP over HTTP. */
  readonly httpAddresses: readonly string[];
  /** Bytes of requests that are under way. */
  readonly underWayBytes: number;
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
  const servers: { readonly grpc: Listening[]; readonly http: Listening[] } = { grpc: [], http: [] };
  const files: OtapFileReceiver[] = [];
  const budget = new ByteBudget(underWayBytesMax(configs, tools.memoryLimitBytes));
  const drain = async (deadlineMs: number): Promise<void> => {
    await Promise.all([...files.map((file) => file.stop()), ...[...servers.grpc, ...servers.http].map((server) => server.drain(deadlineMs))]);
  };
  try {
    for (const config of configs) {
      if (config.type === 'otap_file') {
        files.push(new OtapFileReceiver(config, tools));
        continue;
      }
      if (config.grpc !== null) servers.grpc.push(await listenGrpc(config, config.grpc, budget, tools));
      if ('http' in config && config.http !== null) servers.http.push(await listenHttp(config, config.http, budget, tools));
    }
  } catch (error) {
    await drain(0);
    throw error;
  }
  return {
    grpcAddresses: servers.grpc.map(({ address }) => address),
    httpAddresses: servers.http.map(({ address }) => address),
    get underWayBytes() {
      return budget.bytes;
    },
    start: () => {
      for (const file of files) file.start();
    },
    drain,
  };
}

/** Requests under way get a quarter of the memory, or what two of the greatest need. */
function underWayBytesMax(configs: readonly ReceiverConfig[], memoryLimitBytes: number): number {
  const greatest = configs.map((config) => Math.max(
    'grpc' in config && config.grpc !== null ? config.grpc.maxRecvMsgBytes * 2 : 0, 'http' in config && config.http !== null ? config.http.maxBodyBytes + config.http.maxInflatedBytes : 0));
  return Math.max(memoryLimitBytes / 4, ...greatest.map((bytes) => 2 * bytes));
}

async function listenGrpc(receiver: ListeningConfig, grpc: GrpcListenerConfig, budget: ByteBudget, { seam, log, registry, intake, checkTaken }: ReceiverTools): Promise<Listening> {
  const name = `receivers.${receiver.id}.grpc`;
  const security = openListenerSecurity(grpc, { name, seam, log, registry });
  const onRefused = refusalCounter(receiver.id, 'grpc', log, registry);
  const server = new GrpcServer({
    seam, log, security, onRefused, limits: { messageBytesMax: grpc.maxRecvMsgBytes, streamsPerConnectionMax: grpc.maxConcurrentStreams, readTimeoutMs: grpc.readTimeoutMs,
      unreadBytesMax: budget.bytesMax } });
  addOtapReceiver(server, (signal, peer) => {
    counted(() => checkTaken(receiver.id, signal), onRefused, peer);
    return intake.open(signal, { withoutThreshold: receiver.inputWithoutThreshold, validate: receiver.validate });
  });
  addOtlpReceiver(server, { open: otlpIntakeOf(receiver, intake, checkTaken), budget, onRefused });
  const address = await listening(name, grpc.endpoint, (host, port) => server.listen(host, port));
  return { address, drain: (deadlineMs) => server.drain(deadlineMs) };
}

async function listenHttp(receiver: ListeningConfig, http: HttpListenerConfig, budget: ByteBudget, { seam, log, registry, intake, checkTaken }: ReceiverTools): Promise<Listening> {
  const name = `receivers.${receiver.id}.http`;
  const server = new OtlpHttpServer({
    open: otlpIntakeOf(receiver, intake, checkTaken), budget, cors: http.cors, seam, log,
    limits: { bodyBytesMax: http.maxBodyBytes, inflatedBytesMax: http.maxInflatedBytes, readTimeoutMs: http.readTimeoutMs },
    security: openListenerSecurity(http, { name, seam, log, registry }),
    onRefused: refusalCounter(receiver.id, 'http', log, registry),
  });
  const address = await listening(name, http.endpoint, (host, port) => server.listen(host, port));
  return { address, drain: (deadlineMs) => server.drain(deadlineMs) };
}

/** The intake of a receiver's OTLP requests, opened once for each signal; throws where that is not taken. */
function otlpIntakeOf(receiver: ListeningConfig, intake: Intake, checkTaken: CheckTaken): OpenOtlpIntake {
  const opened = new Map<Signal, OtlpIntake>();
  return (signal) => {
    const known = opened.get(signal);
    if (known !== undefined) return known;
    checkTaken(receiver.id, signal);
    const own = intake.openOtlp(signal, { withoutThreshold: receiver.inputWithoutThreshold, validate: receiver.validate });
    opened.set(signal, own);
    return own;
  };
}

/** Listens on `endpoint`; gives `host:port` as it is listened on. */
async function listening(place: string, endpoint: string, listen: (host: string, port: number) => Promise<number>): Promise<string> {
  const wanted = parseEndpoint(endpoint);
  if (wanted === null) throw new Error(`invariant broken: endpoint ${endpoint}`);
  try {
    return formatEndpoint({ host: wanted.host, port: await listen(wanted.host, wanted.port) });
  } catch (error) {
    throw new CodedError('UNAVAILABLE', 'cannot_listen', `${place}: cannot listen on ${endpoint}: ${messageOf(error)}`, { cause: error });
  }
}
