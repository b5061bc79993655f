import type { ExporterConfig } from '../../config/load.ts';
import type { BatchSink } from '../../pipeline/sink.ts';
import { openClientSecurity } from '../../security/client-security.ts';
import type { ExporterTools } from '../build.ts';
import { Balancer } from './balancer.ts';
import { balancerObserver, registerBalancerMetrics } from './balancer-metrics.ts';
import { isListening } from './probe.ts';
import { dnsResolver, fileResolver, type Resolver, staticResolver } from './resolver.ts';
import { tracesFitting } from './trace-owners.ts';

export type LoadBalancingConfig = Extract<ExporterConfig, { readonly type: 'load_balancing' }>;
/** What a member is sent to by. */
export type MemberConfig = Extract<ExporterConfig, { readonly type: 'otlp' | 'otap' }>;

/** How long a batch is tried where retry_on_failure.max_elapsed_time does not say. */
const giveUpMsDefault = 300_000;
const rowsMaxOfOtlp = 8192;
/** What members say that are there and full. OTAP's answers say it with UNAVAILABLE, too (docs/otap.md); a stream that does not come about is another reason. */
const overloaded = { otlp: new Set(['resource_exhausted', 'queue_full']), otap: new Set(['resource_exhausted', 'unavailable', 'queue_full']) };

/** A `load_balancing` exporter; `openMember` makes the exporter of one member. Throws where the list of members, or a certificate, cannot be read. */
export function balancerSink(config: LoadBalancingConfig, tools: ExporterTools, openMember: (member: MemberConfig) => BatchSink): BatchSink {
  const { id: name, handOverMs: rememberMs, failoverAfterMs } = config;
  const { seam, log, registry, tableBytesMax = Infinity } = tools;
  const tracesMax = tracesFitting(config.tracesMax, tableBytesMax);
  const memberOf = memberConfigOf(config);
  openClientSecurity(memberOf('localhost:0'), { name: `exporters.${name}`, seam, log, registry });
  const resolver = resolverOf(config, tools);
  const { type } = memberOf('localhost:0');
  const balancer = new ResolvedBalancer({
    name, seam, rememberMs, tracesMax, hashSeed: Math.floor(seam.jitter() * 2 ** 32), rowsMax: config.protocol.otap?.maxBatchRows ?? rowsMaxOfOtlp,
    open: (endpoint) => openMember(memberOf(endpoint)), failsOver: failoverAfterMs > 0, giveUpMs: giveUpMsOf(config), isOverload: (reason) => overloaded[type].has(reason),
    isAlive: isListening, observer: balancerObserver(name, log, registry),
  }, resolver);
  registerBalancerMetrics(registry, balancer);
  resolver.start((members) => {
    log.info('members', `${name} shares out to ${members.join(', ')}`, { exporter: name, members: members.length });
    balancer.setMembers(members);
  });
  return balancer;
}

/** A balancer that ends with its resolver. */
class ResolvedBalancer extends Balancer {
  readonly #resolver: Resolver;

  constructor(options: ConstructorParameters<typeof Balancer>[0], resolver: Resolver) {
    super(options);
    this.#resolver = resolver;
  }

  override async drain(deadlineMs: number): Promise<void> {
    await this.#resolver.stop();
    await super.drain(deadlineMs);
  }
}

function giveUpMsOf({ protocol }: LoadBalancingConfig): number {
  const maxElapsedMs = (protocol.otlp ?? protocol.otap)?.retry.maxElapsedMs ?? giveUpMsDefault;
  return maxElapsedMs === 0 ? Infinity : maxElapsedMs;
}

/** The exporter of a member: it gives a batch up when the member is to be left alone. */
function memberConfigOf(config: LoadBalancingConfig): (endpoint: string) => MemberConfig {
  const { id, protocol: { otlp, otap }, failoverAfterMs } = config;
  const giveUpMs = giveUpMsOf(config);
  const maxElapsedMs = failoverAfterMs > 0 ? Math.min(failoverAfterMs, giveUpMs) : giveUpMs === Infinity ? 0 : giveUpMs;
  if (otlp !== null) return (endpoint) => ({ id, type: 'otlp', endpoint, moreEndpoints: [], deadLetter: null, ...otlp, retry: { ...otlp.retry, maxElapsedMs } });
  if (otap !== null) return (endpoint) => ({ id, type: 'otap', endpoint, deadLetter: null, ...otap, retry: { ...otap.retry, maxElapsedMs } });
  throw new TypeError(`${id} has no protocol`);
}

function resolverOf({ id: name, resolver: { static: list, file, dns } }: LoadBalancingConfig, { seam, log }: ExporterTools): Resolver {
  if (file !== null) return fileResolver(file.path, { seam, log, name });
  if (dns !== null) return dnsResolver(dns, { seam, log, name });
  return staticResolver(list?.hostnames ?? []);
}
