import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a sampling endpoint gives back. */
export interface HeadAnswer {
  readonly status?: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds before it is given; Infinity = never. */
  readonly delayMs?: number;
}

/** A sampling endpoint over HTTP on 127.0.0.1 that gives whatever answer is set, to stand for any state of a service. */
export class HeadServer {
  /** Path and query of each request, in order. */
  readonly requests: string[] = [];
  readonly requestHeaders: Readonly<Record<string, unknown>>[] = [];
  answer: HeadAnswer;
  readonly #server: Server;

  private constructor(answer: HeadAnswer) {
    this.answer = answer;
    this.#server = createServer((request, response) => {
      this.requests.push(request.url ?? '');
      this.requestHeaders.push(request.headers);
      const { status = 200, body, headers = {}, delayMs = 0 } = this.answer;
      if (delayMs === Infinity) return;
      setTimeout(() => response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(status === 304 ? undefined : body), delayMs);
    });
  }

  static async listen(answer: HeadAnswer): Promise<HeadServer> {
    const server = new HeadServer(answer);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves after `count` more requests. */
  async polled(count: number): Promise<void> {
    const until = this.requests.length + count;
    while (this.requests.length < until) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The answer of a service with one rate. */
export function rateAnswer(samplingRate: number): HeadAnswer {
  return { body: JSON.stringify({ strategyType: 'PROBABILISTIC', probabilisticSampling: { samplingRate } }) };
}

/** The answer of a service with rates of operations, all four fields there. */
export function operationsAnswer(defaultRate: number, operations: Readonly<Record<string, number>>): HeadAnswer {
  const perOperationStrategies = Object.entries(operations).map(([operation, samplingRate]) => ({ operation, probabilisticSampling: { samplingRate } }));
  return {
    body: JSON.stringify({
      strategyType: 'PROBABILISTIC', probabilisticSampling: { samplingRate: defaultRate },
      operationSampling: { defaultSamplingProbability: defaultRate, defaultLowerBoundTracesPerSecond: 0, defaultUpperBoundTracesPerSecond: 0, perOperationStrategies },
    }),
  };
}
