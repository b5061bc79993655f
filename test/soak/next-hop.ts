import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { isKept } from './traffic.ts';

const requestType = protobuf.parse(readFileSync(join(import.meta.dirname, '../support/proto/otlp.proto'), 'utf8')).root.lookupType('thresher.test.Traces');

interface DecodedRequest {
  readonly resourceSpans?: readonly { readonly scopeSpans: readonly { readonly spans: readonly { readonly spanId: Buffer }[] }[] }[];
}

/** A next hop over OTLP/HTTP that may go away and come back on its port. It knows of each span how often it came. */
export class NextHop {
  port = 0;
  requests = 0;
  #server: http.Server | null = null;
  #times = new Uint8Array(1 << 20);

  async listen(): Promise<number> {
    const server = http.createServer((request, response) => {
      void request.toArray().then((chunks) => {
        this.#take(Buffer.concat(chunks));
        response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
      }, () => response.destroy());
    });
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address === 'object' && address !== null) this.port = address.port;
    this.#server = server;
    return this.port;
  }

  /** From now on nobody can connect. */
  async goAway(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    server?.closeAllConnections();
    await new Promise((resolve) => (server === null ? resolve(null) : server.close(resolve)));
  }

  /** What of spans that were acknowledged to their sender should be here, and is not; how many came again; and spans that no policy keeps. `acknowledged`: first spans of requests of `each` spans. */
  judge(acknowledged: readonly number[], each: number): { readonly expected: number; readonly missing: number; readonly again: number; readonly wrong: number } {
    let [expected, missing, again, wrong] = [0, 0, 0, 0];
    for (const first of acknowledged) for (let span = first; span < first + each; span++) {
      if (!isKept(span)) continue;
      expected++;
      if ((this.#times[span] ?? 0) === 0) missing++;
    }
    this.#times.forEach((times, span) => {
      again += Math.max(0, times - 1);
      if (times > 0 && !isKept(span)) wrong++;
    });
    return { expected, missing, again, wrong };
  }

  #take(request: Buffer): void {
    this.requests++;
    const { resourceSpans = [] }: DecodedRequest = requestType.toObject(requestType.decode(request));
    for (const { scopeSpans } of resourceSpans) for (const { spans } of scopeSpans) for (const { spanId } of spans) this.#count(spanId.readUIntBE(2, 6) - 1);
  }

  #count(span: number): void {
    if (span >= this.#times.length) {
      const larger = new Uint8Array(2 ** Math.ceil(Math.log2(span + 1)));
      larger.set(this.#times);
      this.#times = larger;
    }
    this.#times[span]++;
  }
}
