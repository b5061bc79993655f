import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from '../../support/child.ts';
import { type CollectorConfig, startCollector } from '../../support/collector-process.ts';
import { freePorts } from '../../support/free-ports.ts';
import { Output } from './telemetry.ts';
import { startThresher, type ThresherConfig } from './thresher.ts';
import { pathOf } from './with-pieces.ts';

/** How one hop speaks to the next. All settings but endpoints and TLS are the sender's defaults, `otlphttp-json` for its encoding apart. */
export type Transport = 'otlp' | 'otlphttp' | 'otlphttp-json' | 'otap';

interface Ports {
  /** OTLP/HTTP of the first Collector. */
  readonly entry: number;
  /** Thresher's. */
  readonly grpc: number;
  readonly http: number;
  /** The second Collector's. */
  readonly nextGrpc: number;
  readonly nextHttp: number;
  /** Where the programs that speak OTAP for the Collectors listen. */
  readonly otapOut: number;
  readonly otapIn: number;
}

/** First Collector -> Thresher -> next Collector, as processes that may be ended and started again where they were. */
export class Chain {
  readonly directory: string;
  readonly ports: Ports;
  /** What the next Collector's file exporter writes. */
  readonly output: Output;
  readonly #children: Child[] = [];

  private constructor(ports: Ports) {
    this.directory = mkdtempSync(join(tmpdir(), 'interop-'));
    this.ports = ports;
    this.output = new Output(join(this.directory, 'received.jsonl'));
  }

  static async create(): Promise<Chain> {
    const [entry = 0, grpc = 0, http = 0, nextGrpc = 0, nextHttp = 0, otapOut = 0, otapIn = 0] = await freePorts(7);
    return new Chain({ entry, grpc, http, nextGrpc, nextHttp, otapOut, otapIn });
  }

  /** The next Collector, with what takes OTAP for it; it writes what it gets to a file. `more` goes over its sections. */
  async next(outOf: Transport, more: Partial<CollectorConfig> = {}): Promise<Child[]> {
    const { nextGrpc, nextHttp, otapIn } = this.ports;
    const collector = await this.#add(startCollector(this.directory, 'next', {
      receivers: { otlp: { protocols: { grpc: { endpoint: at(nextGrpc) }, http: { endpoint: at(nextHttp) } } } },
      exporters: { file: { path: join(this.directory, 'received.jsonl'), flush_interval: '100ms' } }, ...more,
    }));
    return outOf === 'otap' ? [collector, await this.otelarrow('receiver', otapIn, nextGrpc)] : [collector];
  }

  /** Thresher, taking in what the first Collector sends by `into`, sending by `outOf`. */
  async thresher(into: Transport, outOf: Transport, more: Partial<ThresherConfig> = {}): Promise<Child> {
    const { grpc, http, nextGrpc, nextHttp, otapIn } = this.ports;
    const otlp = { grpc: { endpoint: at(grpc) }, ...(into.startsWith('otlphttp') ? { http: { endpoint: at(http) } } : {}) };
    return this.#add(startThresher(this.directory, {
      receivers: { otlp }, exporters: exporterOf(outOf, { grpc: outOf === 'otap' ? otapIn : nextGrpc, http: nextHttp }, 'thresher'), ...more,
    }));
  }

  /** The first Collector; with what sends OTAP for it. `more` goes over its sections. */
  async first(into: Transport, more: Partial<CollectorConfig> = {}): Promise<Child[]> {
    const { entry, grpc, http, otapOut } = this.ports;
    const bridge = into === 'otap' ? [await this.otelarrow('exporter', otapOut, grpc)] : [];
    const collector = await this.#add(startCollector(this.directory, 'first', {
      receivers: { otlp: { protocols: { http: { endpoint: at(entry) } } } },
      processors: { batch: {}, memory_limiter: { check_interval: '1s', limit_mib: 1000 } },
      processing: ['memory_limiter', 'batch'], exporters: exporterOf(into, { grpc: into === 'otap' ? otapOut : grpc, http }, 'collector'), ...more,
    }));
    return [collector, ...bridge];
  }

  /** A stand-in for one of the Collector's otelarrow components. */
  async otelarrow(role: 'exporter' | 'receiver', port: number, to: number, ...flags: readonly string[]): Promise<Child> {
    const child = new Child(`otelarrow ${role}`, pathOf('otelarrow'), [role, '-at', at(port), '-to', at(to), ...flags]);
    await this.#add(Promise.resolve(child));
    await child.says('ready');
    return child;
  }

  /** Ends whatever runs. */
  async stop(): Promise<void> {
    for (const child of this.#children) await child.kill();
    rmSync(this.directory, { recursive: true });
  }

  async #add(starting: Promise<Child>): Promise<Child> {
    const child = await starting;
    this.#children.push(child);
    return child;
  }
}

export function at(port: number): string {
  return `127.0.0.1:${port}`;
}

/** An exporter of a Collector or of Thresher, with its default settings. */
export function exporterOf(transport: Transport, { grpc, http }: { readonly grpc: number; readonly http: number }, of: 'collector' | 'thresher'): Record<string, object> {
  const names = of === 'collector' ? { grpc: 'otlp_grpc', http: 'otlp_http' } : { grpc: transport, http: 'otlphttp' };
  if (!transport.startsWith('otlphttp')) return { [names.grpc]: { endpoint: at(grpc), tls: { insecure: true } } };
  return { [names.http]: { endpoint: `http://${at(http)}`, ...(transport === 'otlphttp-json' ? { encoding: 'json' } : {}) } };
}
