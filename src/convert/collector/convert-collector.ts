import type { Conversion, ConversionRequest } from '../conversion.ts';
import { Findings, NoEqual } from '../finding.ts';
import { policyText, type WrittenFile } from '../policy-file.ts';
import { Written } from '../written.ts';
import { convertPolicies } from './convert-policies.ts';
import { configText, type Settings, settingsOf } from './settings.ts';

/** Whether a YAML value is a Collector's configuration. */
export function isCollectorConfig(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'processors' in value;
}

/**
 * The `tail_sampling` processor of a Collector's configuration (v0.161 of opentelemetry-collector-contrib) as policies and a configuration.
 * Throws NoEqual where it has none, or several and none is selected.
 */
export function convertCollector({ value, source, select, bytesPerSpan }: ConversionRequest): Conversion {
  const findings = new Findings();
  const processors = new Written(value, '').section('processors');
  const id = processorId(processors, select);
  const processor = new Written(processors.raw(id), `processors.${id}`);
  const settings = settingsOf(processor, findings);
  const policies = processor.sections('policies');
  processor.reportUnread(findings);
  const files = [...convertPolicies(policies, source, { windowMs: settings.windowMs, bytesPerSpan }, findings), ...sizeLimit(settings, source, processor.place, bytesPerSpan, findings)];
  if (files.every(({ text }) => text.includes('\n-- mode: drop\n'))) {
    findings.warning(processor.place, 'no policy keeps anything: the Collector sends nothing then, and here all that is not dropped is kept (policy.signals_without_policy)');
  }
  const config = { name: 'thresher.yaml', text: configText(settings, source, processor.place, files.map(({ name }) => name)) };
  return { files: [...files, config], findings: findings.all };
}

function processorId(processors: Written, select: string | null): string {
  const ids = processors.keys.filter((key) => key === 'tail_sampling' || key.startsWith('tail_sampling/'));
  if (select !== null) {
    if (ids.includes(select)) return select;
    throw new NoEqual(`there is no processor ${select}; ${ids.length === 0 ? 'there is no tail_sampling at all' : `there are ${ids.join(', ')}`}`);
  }
  if (ids.length === 0) throw new NoEqual('it has no tail_sampling processor');
  if (ids.length > 1) throw new NoEqual(`it has several: select one of ${ids.join(', ')} with --select`);
  return ids[0];
}

function sizeLimit({ traceBytesMax }: Settings, source: string, place: string, bytesPerSpan: number, findings: Findings): readonly WrittenFile[] {
  if (traceBytesMax === null) return [];
  findings.warning(`${place}.maximum_trace_size_bytes`, `no view has the bytes of a trace, so larger ones are those of more than ${Math.floor(traceBytesMax / bytesPerSpan)} spans of ${bytesPerSpan} bytes (--bytes-per-span); they wait for their decision like others`);
  const text = policyText({
    description: `Drops traces larger than ${traceBytesMax} bytes, at ${bytesPerSpan} bytes a span.`,
    mode: 'drop', headers: [], comments: [`Converted from ${source}, ${place}.maximum_trace_size_bytes.`],
  }, ['SELECT trace_id', 'FROM traces', `WHERE span_count * ${bytesPerSpan} > ${traceBytesMax}`]);
  return [{ name: 'maximum_trace_size_bytes.sql', text }];
}
