import { checkSender } from './check-sender.ts';
import type { ThresherConfig } from './declaration.ts';
import type { Place } from './place.ts';

/** What must hold of exporters that share out, and of the pipelines that name them. */
export function checkBalancing({ exporters, pipelines }: ThresherConfig, root: Place): void {
  for (const exporter of exporters) {
    if (exporter.type !== 'load_balancing') continue;
    const { id, resolver, protocol } = exporter;
    const at = root.at('exporters').at(id);
    if (Object.values(resolver).filter((one) => one !== null).length !== 1) at.at('resolver').fail('give one of static, file and dns');
    if ((protocol.otlp === null) === (protocol.otap === null)) at.at('protocol').fail('give either otlp or otap, for example otlp: {}');
    if (protocol.otlp !== null) checkSender({ id, type: 'otlp', endpoint: 'localhost:0', moreEndpoints: [], deadLetter: null, ...protocol.otlp }, at.at('protocol').at('otlp'));
    if (protocol.otap !== null) checkSender({ id, type: 'otap', endpoint: 'localhost:0', deadLetter: null, ...protocol.otap }, at.at('protocol').at('otap'));
    checkHostnames(resolver.static?.hostnames ?? null, at.at('resolver').at('static').at('hostnames'));
    checkUse(id, pipelines, root);
  }
}

function checkHostnames(hostnames: readonly string[] | null, place: Place): void {
  if (hostnames === null) return;
  if (hostnames.length === 0) place.fail('name at least one member');
  hostnames.forEach((name, index) => {
    if (hostnames.indexOf(name) < index) place.at(index).fail(`${name} is named twice`);
  });
}

/** It takes batches as they come. What is sampled has its windows behind it, and needs no sharing out by traces. */
function checkUse(id: string, pipelines: ThresherConfig['pipelines'], root: Place): void {
  if (pipelines === null) {
    root.at('exporters').at(id).fail('shares out what is not sampled: write pipelines, with mode: pass');
    return;
  }
  for (const signal of ['traces', 'logs'] as const) {
    const pipeline = pipelines[signal];
    const at = root.at('pipelines').at(signal);
    if (pipeline?.exporters.includes(id) === true && pipeline.mode !== 'pass') at.fail(`${id} shares out what is not sampled: write mode: pass`);
    if (pipeline?.dropped.includes(id) === true) at.at('dropped').fail(`${id} shares out what is not sampled, and cannot be among dropped`);
  }
}
