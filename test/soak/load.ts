import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { RequestWriter, spansOfRequest } from './traffic.ts';

/** What a sender is to do; it comes as JSON in the first argument. */
export interface LoadOptions {
  readonly port: number;
  /** Spans a second; null: as fast as requests are answered. */
  readonly rate: number | null;
  /** Requests under way at a time. */
  readonly inFlightMax: number;
  /** Whether what is refused is sent again, after the time that the refusal says. */
  readonly resends: boolean;
  /** The first span. */
  readonly from: number;
}

/** What a sender was told. Numbers of requests, but for `acknowledged`: the first spans of those that were. */
export interface LoadCounts {
  sent: number;
  acknowledged: number[];
  /** By HTTP status. */
  refused: { [status: string]: number };
  /** Without an answer: the connection broke. */
  unanswered: number;
  /** Not sent, since too many were under way. */
  skipped: number;
}

// A process that sends OTLP requests over HTTP until it is told to stop, then says what came of them.
const options: LoadOptions = JSON.parse(process.argv[2] ?? '{}');
const counts: LoadCounts = { sent: 0, acknowledged: [], refused: {}, unanswered: 0, skipped: 0 };
const agent = new http.Agent({ keepAlive: true, maxSockets: options.inFlightMax });
const writer = new RequestWriter();
let next = options.from;
let underWay = 0;
let isOver = false;

process.on('disconnect', () => process.exit());
process.once('message', () => { isOver = true; });
await (options.rate === null ? Promise.all(Array.from({ length: options.inFlightMax }, closedLoop)) : openLoop(options.rate));
while (underWay > 0) await sleep(20);
process.send?.(counts, () => process.disconnect());

async function closedLoop(): Promise<void> {
  while (!isOver) await deliver(take());
}

/** On the dot, whatever the answers are. */
async function openLoop(rate: number): Promise<void> {
  const startMs = performance.now();
  for (let number = 0; !isOver; number++) {
    const waitMs = startMs + (number * spansOfRequest * 1000) / rate - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    if (underWay < options.inFlightMax) void deliver(take());
    else counts.skipped++;
  }
}

function take(): number {
  const first = next;
  next += spansOfRequest;
  return first;
}

async function deliver(first: number): Promise<void> {
  underWay++;
  const body = writer.write(first);
  for (;;) {
    counts.sent++;
    const answer = await post(body);
    if (answer?.status === 200) {
      counts.acknowledged.push(first);
      break;
    }
    if (answer === null) counts.unanswered++;
    else counts.refused[answer.status] = (counts.refused[answer.status] ?? 0) + 1;
    if (!options.resends || isOver) break;
    await sleep(answer?.retryAfterMs ?? 500);
  }
  underWay--;
}

/** Null where no answer came. */
function post(body: Buffer): Promise<{ readonly status: number; readonly retryAfterMs: number } | null> {
  return new Promise((resolve) => {
    const request = http.request({ host: '127.0.0.1', port: options.port, path: '/v1/traces', method: 'POST', agent, headers: { 'content-type': 'application/x-protobuf', 'content-length': body.length } }, (response) => {
      response.resume();
      response.on('end', () => resolve({ status: response.statusCode ?? 0, retryAfterMs: Number(response.headers['retry-after'] ?? 1) * 1000 }));
      response.on('error', () => resolve(null));
    });
    // A connection that rested was closed by the server just now: nothing of the request was read there.
    request.on('error', (error) => resolve(request.reusedSocket && 'code' in error && error.code === 'ECONNRESET' ? post(body) : null));
    request.end(body);
  });
}
