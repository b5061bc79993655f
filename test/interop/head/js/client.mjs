// client.mjs ENDPOINT SERVICE INTERVAL_MS: an application whose SDK asks ENDPOINT (a URL without a path) for its sampling rates, with
// @opentelemetry/sampler-jaeger-remote. Every 100 ms it starts 1,000 traces by each of two names and prints how many were sampled as a line of JSON.
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { JaegerRemoteSampler } from '@opentelemetry/sampler-jaeger-remote';
import { AlwaysOffSampler, TracerProvider } from '@opentelemetry/sdk-trace';

const [endpoint, serviceName, interval] = process.argv.slice(2);
const sampler = new JaegerRemoteSampler({ endpoint, serviceName, initialSampler: new AlwaysOffSampler(), poolingInterval: Number(interval) });
const tracer = new TracerProvider({ sampler }).getTracer('client');
const of = 1000;

setInterval(() => {
  const said = { op: 0, rare: 0, of, attributes: {} };
  for (let i = 0; i < of; i++) {
    for (const name of ['op', 'rare']) {
      const span = tracer.startSpan(name, {}, ROOT_CONTEXT);
      if (span.isRecording()) {
        said[name]++;
        Object.assign(said.attributes, span.attributes);
      }
      span.end();
    }
  }
  process.stdout.write(`${JSON.stringify(said)}\n`);
}, 100);
