import { suggestion } from '../base/suggest.ts';
import type { ThresherConfig } from './declaration.ts';
import { policiesMissing } from './policy-files.ts';
import type { Place } from './place.ts';

const signals = ['traces', 'logs', 'metrics'] as const;

/** What must hold between pipelines and the components that they name. */
export function checkPipelines({ pipelines, receivers, exporters, metrics, policies }: ThresherConfig, root: Place): void {
  if (policies.files.length === 0 && !isNothingSampled(pipelines)) root.at('policies').fail(policiesMissing);
  if (pipelines === null) return;
  const place = root.at('pipelines');
  if (signals.every((signal) => pipelines[signal] === null)) place.fail('names no signal: write traces, logs or metrics, or leave pipelines out, so that everything goes everywhere');
  if (pipelines.metrics !== null && !metrics.passThrough) place.at('metrics').fail('contradicts metrics.pass_through, which is false');
  if (isNothingSampled(pipelines) && policies.files.length > 0 && (pipelines.traces ?? pipelines.logs) !== null) root.at('policies').fail('are read by nobody: pipelines say that nothing is sampled (mode: pass)');
  for (const signal of signals) {
    const pipeline = pipelines[signal];
    if (pipeline === null) continue;
    const at = place.at(signal);
    const dropped = 'dropped' in pipeline ? pipeline.dropped : [];
    if (dropped.length > 0 && 'mode' in pipeline && pipeline.mode === 'pass') at.at('dropped').fail('is written beside mode: pass, which drops nothing');
    checkNames(pipeline.receivers, receivers, 'receivers', at.at('receivers'));
    checkNames(pipeline.exporters, exporters, 'exporters', at.at('exporters'));
    if (dropped.length > 0) checkNames(dropped, exporters, 'exporters', at.at('dropped'));
    for (const id of dropped) if (pipeline.exporters.includes(id)) at.at('dropped').fail(`${id} gets what is kept already, and nobody could tell the two apart: declare a second exporter, for example ${id.split('/')[0]}/dropped`);
  }
}

/** Whether policies would have nothing to decide. */
function isNothingSampled(pipelines: ThresherConfig['pipelines']): boolean {
  return pipelines !== null && [pipelines.traces, pipelines.logs].every((pipeline) => pipeline === null || pipeline.mode === 'pass');
}

function checkNames(names: readonly string[], components: readonly { readonly id: string }[], section: string, place: Place): void {
  const known = components.map(({ id }) => id);
  if (names.length === 0) place.fail(`name at least one of ${known.join(', ')}`);
  names.forEach((name, index) => {
    if (!known.includes(name)) place.at(index).fail(`${section} has no "${name}"${suggestion(name, known)}`);
    else if (names.indexOf(name) < index) place.at(index).fail(`${name} is named twice`);
  });
}
