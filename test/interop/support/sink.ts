import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Signal } from '../../../src/otap/payload-type.ts';
import type { OtlpRequest } from '../../support/otlp-json.ts';
import { namesOf } from './numbered.ts';

/** What stands behind the last Collector: OTLP/HTTP in JSON, never restarted. What it has answered, it has. */
export class Sink {
  readonly port: number;
  /** How often each item came, by its name. */
  readonly seen: Readonly<Record<Signal, Map<string, number>>> = { traces: new Map(), logs: new Map(), metrics: new Map() };
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('request', (request, response) => {
      void read(request).then((body) => {
        this.#take(request.url?.slice('/v1/'.length) as Signal, JSON.parse(body) as OtlpRequest);
        response.setHeader('content-type', 'application/json').end('{}');
      }, () => response.destroy());
    });
  }

  static async listen(): Promise<Sink> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Sink(server);
  }

  /** Those that did not come. */
  missing(signal: Signal, names: readonly string[]): string[] {
    return names.filter((name) => !this.seen[signal].has(name));
  }

  /** Items that came again, each time counted. */
  get repeated(): number {
    return Object.values(this.seen).flatMap((counts) => [...counts.values()]).reduce((sum, count) => sum + count - 1, 0);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #take(signal: Signal, request: OtlpRequest): void {
    const counts = this.seen[signal];
    for (const name of namesOf(signal, request)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
