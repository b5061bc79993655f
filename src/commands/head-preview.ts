import { CodedError, messageOf } from '../base/errors.ts';
import { text } from '../config/scalars.ts';
import { option, required } from '../config/section.ts';
import { strategyProtobuf } from '../head/strategy.ts';
import { defineCommand, exitCodes } from './command.ts';

const timeoutMs = 5000;
/** Operations that are shown of an answer. */
const operationsShown = 20;

export const headPreview = defineCommand({
  name: 'head preview',
  summary: 'Print what each SDK would receive for a service, and do with it',
  text: 'Asks the running head-sampling service over HTTP, as an SDK does.',
  options: {
    service: required('service', text, 'service.name of the SDK.'),
    endpoint: option('endpoint', text, 'http://127.0.0.1:5778', 'Where the service answers, head.http.endpoint of its configuration, as a URL.'),
  },
  examples: ['thresher head preview --service checkout', 'thresher head preview --service checkout --endpoint http://thresher:5778'],
  run: async ({ service, endpoint }, io) => {
    const url = new URL(`/sampling?service=${encodeURIComponent(service)}`, endpointOf(endpoint));
    const answer = await ask(url, io.signal);
    io.stdout.write(preview(url, answer));
    return exitCodes.ok;
  },
});

interface Answer {
  readonly body: string;
  readonly strategy: ReadStrategy;
  readonly headers: Headers;
}

/** What clients read of an answer. */
interface ReadStrategy {
  readonly rate: number;
  readonly operations: readonly { readonly operation: string; readonly rate: number }[];
}

function endpointOf(endpoint: string): URL {
  const url = URL.parse(/^https?:\/\//.test(endpoint) ? endpoint : `http://${endpoint}`);
  if (url === null) throw new CodedError('INVALID_ARGUMENT', 'bad_endpoint', `--endpoint: ${endpoint} is no URL such as http://127.0.0.1:5778`);
  return url;
}

async function ask(url: URL, signal: AbortSignal): Promise<Answer> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) });
    const body = await answer.text();
    if (answer.status !== 200) throw new Error(`it answers ${answer.status}: ${body.slice(0, 200)}`);
    return { body, strategy: strategyOf(JSON.parse(body)), headers: answer.headers };
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : '';
    throw new CodedError('UNAVAILABLE', 'no_answer', `${url.href}: no answer of a head-sampling service: ${messageOf(error)}${cause}; is a Thresher with head: running, and is --endpoint its head.http.endpoint?`);
  }
}

function strategyOf(body: unknown): ReadStrategy {
  const operations = at(at(body, 'operationSampling'), 'perOperationStrategies');
  return {
    rate: Number(at(at(body, 'probabilisticSampling'), 'samplingRate')),
    operations: Array.isArray(operations) ? operations.map((own: unknown) => ({ operation: String(at(own, 'operation')), rate: Number(at(at(own, 'probabilisticSampling'), 'samplingRate')) })) : [],
  };
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Object.entries(value).find(([name]) => name === key)?.[1] : undefined;
}

function preview(url: URL, { body, strategy, headers }: Answer): string {
  const { rate, operations } = strategy;
  const protobuf = Buffer.from(strategyProtobuf(strategy));
  const told = operations.slice(0, operationsShown).map((own) => `    ${percent(own.rate).padStart(9)}  ${own.operation}`);
  const more = operations.length > operationsShown ? [`    and ${operations.length - operationsShown} more`] : [];
  const others = operations.length === 0 ? 'of all root spans' : 'of root spans of other operations';
  return `${[
    `Over HTTP: GET ${url.href}`, `  reason: ${headers.get('thresher-head-reason') ?? 'not said'}`, `  etag: ${headers.get('etag') ?? 'none'}`, `  ${body}`,
    '', `Over gRPC: jaeger.api_v2.SamplingManager/GetSamplingStrategy, ${protobuf.length} bytes`, `  ${protobuf.toString('hex')}`,
    '', 'What SDKs do with it:', `  ${percent(rate)} ${others} are sent`, ...(told.length === 0 ? [] : ['  of these operations:', ...told, ...more]),
    ...clients.map(([name, what]) => `  ${name}: ${what}`),
  ].join('\n')}\n`;
}

/** What is particular to each client. */
const clients: readonly (readonly [string, string])[] = [
  ['Go (contrib/samplers/jaegerremote)', 'by the trace id, and writes no threshold: see docs/head-clients.md'],
  ['Java (jaeger-remote-sampler)', 'the same'],
  ['JavaScript (sampler-jaeger-remote)', 'the same'],
  ['Rust (jaeger_remote_sampler)', 'the same'],
  ['a consistent sampler', 'by the trace\'s randomness, and writes ot=th: counts are exact'],
];

function percent(rate: number): string {
  return `${Number((rate * 100).toPrecision(4))} %`;
}
