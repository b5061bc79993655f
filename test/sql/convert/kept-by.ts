import { convert } from '../../../src/convert/convert.ts';
import type { Finding } from '../../../src/convert/finding.ts';
import { PipelineRun } from '../../../src/authoring/pipeline-run.ts';
import type { Combine } from '../../../src/pipeline/combining.ts';
import type { OtapBatch } from '../../../src/otap/batch.ts';
import { openPolicies, type PolicyText } from '../../../src/policies.ts';
import { object, objects } from '../../support/otlp-json.ts';
import { toOtlp } from '../../support/otap-to-otlp.ts';
import { windowMs } from './generated-traces.ts';

/** What our pipeline kept under a converted configuration. */
export interface Kept {
  readonly traces: ReadonlySet<string>;
  /** Kept traces by the policy that kept them. */
  readonly byPolicy: ReadonlyMap<string, ReadonlySet<string>>;
  /** `tracestate` of each kept span. */
  readonly tracestates: readonly string[];
  readonly findings: readonly Finding[];
}

export type Input = readonly OtapBatch[] | { readonly messages: readonly Uint8Array[] };

/** Converts policies of tail_sampling and runs them on traces; throws where a policy fails. */
export function keptBy(policies: readonly unknown[], input: Input): Promise<Kept> {
  return keptByConverted({ processors: { tail_sampling: { policies } } }, 'union', input);
}

/** Converts rules of Refinery and runs them on traces; throws where a policy fails. */
export function keptByRefinery(sampler: unknown, input: Input): Promise<Kept> {
  return keptByConverted({ Samplers: { __default__: sampler } }, 'first_match', input);
}

async function keptByConverted(value: unknown, combine: Combine, input: Input): Promise<Kept> {
  const { files, findings } = convert({ value, source: 'test', select: null, bytesPerSpan: 500 });
  const texts = files.filter(({ name }) => name.endsWith('.sql')).map(({ name, text }) => ({ name: name.replace(/\.sql$/, ''), text }));
  return { ...await keptByTexts(texts, combine, input), findings };
}

/** Runs policies as they are on traces; throws where one fails. */
export async function keptByTexts(texts: readonly PolicyText[], combine: Combine, input: Input): Promise<Omit<Kept, 'findings'>> {
  const traces = new Set<string>();
  const byPolicy = new Map<string, Set<string>>();
  const tracestates: string[] = [];
  const settings = { windowMs, decisionWaitMs: 0, inputWithoutThreshold: 'unsampled', fallback: 1, deadlineMs: 60_000, combine, namesPolicies: true, seed: 1 } as const;
  const run = await PipelineRun.open(await openPolicies(texts), settings, {
    kept: (batch) => {
      for (const resource of objects(toOtlp(batch).resourceSpans)) {
        for (const span of objects(resource['scopeSpans']).flatMap((scope) => objects(scope['spans']))) {
          const id = String(span['traceId']);
          traces.add(id);
          tracestates.push(String(span['traceState'] ?? ''));
          for (const name of policiesOf(objects(span['attributes']))) byPolicy.set(name, (byPolicy.get(name) ?? new Set()).add(id));
        }
      }
    },
  });
  try {
    if ('messages' in input) for (const message of input.messages) await run.giveMessage('traces', message);
    else for (const batch of input) await run.give(batch);
    await run.drain();
  } finally {
    run.close();
  }
  if (byPolicy.has('fallback')) throw new Error('a policy failed');
  return { traces, byPolicy, tracestates };
}

function policiesOf(attributes: ReturnType<typeof objects>): readonly string[] {
  const found = attributes.find(({ key }) => key === 'sampling.policy');
  return found === undefined ? [] : String(object(found['value'])['stringValue'] ?? '').split(',');
}
