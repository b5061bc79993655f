import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../../base/assert.ts';
import { messageOf } from '../../base/errors.ts';
import { realSeam } from '../../base/seam.ts';
import { openListenerSecurity } from '../../security/listener-security.ts';
import { metrics } from '../../telemetry/declared.ts';
import { Answers } from './answers.ts';
import { RateHistory } from './history.ts';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';
import { listenSamplingGrpc } from './sampling-grpc.ts';
import { listenSamplingHttp } from './sampling-http.ts';
import { ForwardedCounts, forwardingLogger } from './worker-telemetry.ts';

/** How often counts go to the main thread. */
const countsMs = 1000;

/** The worker thread of the head-sampling service: it listens and answers from what the main thread posts, so that neither waits for the other. */
async function serve({ http, grpc, update }: WorkerStart, port: NonNullable<typeof parentPort>): Promise<void> {
  const post = (message: FromWorker): void => port.postMessage(message);
  const [seam, log, registry] = [realSeam(), forwardingLogger(post), new ForwardedCounts()];
  const [answers, history] = [new Answers(update.defaultRate), new RateHistory()];
  const take = (next: WorkerStart['update']): void => {
    answers.apply(next);
    history.apply(next);
  };
  take(update);
  const counter = registry.counter(metrics.headRequests);
  const listening = [await listenSamplingHttp({
    endpoint: http.endpoint, security: openListenerSecurity(http, { name: 'head.http', seam, log, registry }), answers, history, log, onRequest: (result) => counter.add(1, { protocol: 'http', result }) })];
  for (const endpoint of grpc.enabled ? [grpc.endpoint, ...grpc.moreEndpoints] : []) {
    const security = openListenerSecurity({ ...grpc, endpoint }, { name: 'head.grpc', seam, log, registry });
    listening.push(await listenSamplingGrpc({ endpoint, security, answers, seam, log, onRequest: (result) => counter.add(1, { protocol: 'grpc', result }) }));
  }
  const tell = (): void => {
    const counts = registry.take();
    if (counts.length > 0) post({ kind: 'counted', counts });
  };
  const timer = setInterval(tell, countsMs);
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'update') {
      take(message.update);
      return;
    }
    clearInterval(timer);
    void Promise.all(listening.map((server) => server.close())).then(() => {
      tell();
      port.close();
    });
  });
  const [own, ...others] = listening.map(({ address }) => address);
  post({ kind: 'listening', http: own, grpc: others });
}

assert(parentPort !== null, 'this module is the entry of a worker thread');
const port = parentPort;
const start: WorkerStart = workerData;
// An exit with what has been opened ends it all.
serve(start, port).catch((error: unknown) => {
  const failed: FromWorker = { kind: 'failed', message: messageOf(error) };
  port.postMessage(failed);
  port.close();
  setImmediate(() => process.exit(0));
});
