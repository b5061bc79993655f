import { createServer, type IncomingHttpHeaders } from 'node:http';

export interface JsonSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState?: string;
}

interface JsonTraces {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly JsonSpan[] }[] }[];
}

/** A next hop that takes traces over OTLP/HTTP in JSON, and acknowledges all. */
export abstract class JsonNextHop {
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { resourceSpans }: JsonTraces = JSON.parse(Buffer.concat(chunks).toString());
      for (const { scopeSpans } of resourceSpans) for (const { spans } of scopeSpans) for (const span of spans) this.take(`${span.traceId}/${span.spanId}`, span, request.headers);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });

  /** A span that came; `key` is `trace/span`. */
  protected abstract take(key: string, span: JsonSpan, headers: IncomingHttpHeaders): void;

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
