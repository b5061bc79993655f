import type { Conversion, ConversionRequest } from '../conversion.ts';
import type { PolicyContext } from '../collector/context.ts';
import { Findings, NoEqual } from '../finding.ts';
import { KeyTypes } from '../key-types.ts';
import { FileNames, policyText, type WrittenFile } from '../policy-file.ts';
import { fraction, whereLines } from '../sql-text.ts';
import { Written } from '../written.ts';
import { ruleConditions } from './conditions.ts';
import { dynamicSamplers, dynamicSql } from './dynamic.ts';

const windowMs = 10_000;

/** Whether a YAML value is Refinery's rules_config.yaml. */
export function isRefineryRules(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'Samplers' in value;
}

/**
 * A sampler of Refinery's rules (version 2) as policies, one a rule, that are to run with `policy.combine: first_match`: a trace goes by the
 * first rule that it fulfils. Throws NoEqual where the sampler that is asked for is not there.
 */
export function convertRefinery({ value, source, select, bytesPerSpan }: ConversionRequest): Conversion {
  const findings = new Findings();
  const samplers = new Written(value, 'rules').section('Samplers');
  const environment = select ?? (samplers.has('__default__') ? '__default__' : samplers.keys[0] ?? '');
  if (!samplers.has(environment)) throw new NoEqual(`there is no sampler for ${environment === '' ? 'any environment' : environment}; there are ${samplers.keys.join(', ')}`);
  for (const other of samplers.keys.filter((key) => key !== environment)) {
    findings.warning(`Samplers.${other}`, `is left out: Refinery goes by the sender's API key, which telemetry does not have; convert it by itself with --select ${other}`);
  }
  const rules = rulesOf(samplers.section(environment), findings);
  const files = new RuleFiles(source, findings, { windowMs, bytesPerSpan }).all(rules);
  return { files: [...files, { name: 'thresher.yaml', text: configText(source, environment, files.map(({ name }) => name)) }], findings: findings.all };
}

/** The rules of a sampler; any other sampler is one rule without conditions. */
function rulesOf(sampler: Written, findings: Findings): readonly Written[] {
  const [name, ...more] = sampler.keys;
  if (name === undefined || more.length > 0) throw new NoEqual(`${sampler.place} should have one sampler, and has ${sampler.keys.length}`);
  if (name !== 'RulesBasedSampler') return [new Written({ Name: name, Sampler: { [name]: sampler.raw(name) } }, sampler.place)];
  const based = sampler.section(name);
  if (based.flag('CheckNestedFields')) findings.warning(`${based.place}.CheckNestedFields`, 'has no equal: attributes are read by their whole key');
  const rules = based.sections('Rules');
  based.reportUnread(findings);
  return rules;
}

class RuleFiles {
  readonly #source: string;
  readonly #findings: Findings;
  readonly #options: PolicyContext['options'];
  readonly #names = new FileNames();

  constructor(source: string, findings: Findings, options: PolicyContext['options']) {
    this.#source = source;
    this.#findings = findings;
    this.#options = options;
  }

  all(rules: readonly Written[]): readonly WrittenFile[] {
    const files: WrittenFile[] = [];
    for (const [index, rule] of rules.entries()) {
      const isLast = !rule.has('Conditions') || rule.items('Conditions').length === 0;
      const file = this.#findings.attempt(rule.place, () => this.#ruleFile(rule, rules.slice(0, index)));
      if (file !== null) files.push(file);
      else this.#findings.warning(rule.place, 'traces of this rule go on to the rules after it');
      if (!isLast) continue;
      for (const later of rules.slice(index + 1)) this.#findings.warning(later.place, `gets nothing, in Refinery too: ${rule.text('Name', 'a rule')} before it has no condition`);
      return files;
    }
    return [...files, this.#rest()];
  }

  #rest(): WrittenFile {
    const text = policyText({ description: 'Keeps all that no rule is for, as Refinery does.', mode: 'enforce', headers: [], comments: [] }, ['SELECT trace_id, 1.0 AS probability', 'FROM traces']);
    return { name: this.#names.of('no rule matched'), text };
  }

  #ruleFile(rule: Written, earlier: readonly Written[]): WrittenFile {
    const name = rule.text('Name', 'rule');
    const context: PolicyContext = { findings: this.#findings, place: rule.place, keys: new KeyTypes(), notes: [], options: this.#options };
    const conditions = ruleConditions(rule, context.keys);
    const sampler = rule.section('Sampler');
    const rate = rule.number('SampleRate', 0);
    rule.flag('Summarize');
    const isDrop = sampler.keys.length === 0 && (rule.flag('Drop') || rate < 1);
    const { headers, lines } = isDrop ? dropped(conditions, earlier, context) : kept(sampler, rate, conditions, context);
    rule.flag('Drop');
    rule.reportUnread(this.#findings);
    const text = policyText({
      description: `${isDrop ? 'Drops' : 'Samples'} what Refinery's rule "${name}" is for.`, mode: isDrop ? 'drop' : 'enforce',
      headers: [...context.keys.headerLines(), ...headers], comments: [`Converted from ${this.#source}, ${rule.place}.`, ...context.notes],
    }, lines);
    return { name: this.#names.of(name), text };
  }
}

interface RuleSql {
  readonly headers: readonly string[];
  readonly lines: readonly string[];
}

/** Drop policies come before all others, so what rules before this one are for is left out. */
function dropped(conditions: readonly string[], earlier: readonly Written[], { keys, notes }: PolicyContext): RuleSql {
  const before = earlier.map((rule) => ruleConditions(rule, keys)).filter((all) => all.length > 0);
  if (before.length > 0) notes.push('Drop policies come first here, so it leaves out what earlier rules are for.');
  return { headers: [], lines: ['SELECT trace_id', 'FROM traces', ...whereLines([...conditions, ...before.map((all) => `NOT (${all.join(' AND ')})`)])] };
}

function kept(sampler: Written, rate: number, conditions: readonly string[], context: PolicyContext): RuleSql {
  const [name] = sampler.keys;
  if (name === undefined) return { headers: [], lines: shareSql(rate, conditions) };
  const config = sampler.section(name);
  if (name === 'DeterministicSampler') {
    const own = config.number('SampleRate', 1);
    config.raw('SummarizeMode');
    config.reportUnread(context.findings);
    if (own < 1) throw new NoEqual('its SampleRate is below 1');
    return { headers: [], lines: shareSql(own, conditions) };
  }
  const known = dynamicSamplers.find((candidate) => candidate === name);
  if (known === undefined) throw new NoEqual(`the sampler ${name} is not known`);
  return dynamicSql(known, config, conditions, context);
}

function shareSql(rate: number, conditions: readonly string[]): readonly string[] {
  const probability = rate === 1 ? '1.0' : `proportional(${fraction(1 / rate)})`;
  return [`SELECT trace_id, ${probability} AS probability`, 'FROM traces', ...whereLines(conditions)];
}

function configText(source: string, environment: string, policies: readonly string[]): string {
  return `${[
    `# Converted from ${source}, Samplers.${environment}. Run it in this folder: paths start from the working directory.`,
    'receivers:',
    '  otlp: { grpc: {} } # 127.0.0.1:4317',
    '',
    '# Where kept items go. The debug exporter counts them; put yours in its place.',
    'exporters:',
    '  debug: {}',
    '',
    'windows:',
    '  traces: { length: 10s, decision_wait: 30s } # Refinery has its own in config.yaml (Traces.TraceTimeout, SendDelay)',
    '',
    '# A trace goes by the first policy that is for it; drop policies come before all.',
    'policy:',
    '  combine: first_match',
    'policies:',
    ...policies.map((file) => `  - ${file}`),
  ].join('\n')}\n`;
}
