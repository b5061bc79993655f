import { stringify } from 'yaml';
import { alerts, type Alert } from './alerts.ts';

const header = '# Generated from src/telemetry/operations/alerts.ts; a test keeps it fresh. What to do about each: docs/operations.md.\n';

/** The alerts as a rule file of Prometheus (`rule_files:`). */
export function alertRules(): string {
  return `${header}${yamlOf({ groups })}`;
}

/** The same as a PrometheusRule, for the Prometheus Operator. */
export function prometheusRule(): string {
  return `${header}${yamlOf({
    apiVersion: 'monitoring.coreos.com/v1', kind: 'PrometheusRule',
    metadata: { name: 'thresher', labels: { 'app.kubernetes.io/name': 'thresher' } }, spec: { groups },
  })}`;
}

const groups = [{ name: 'thresher', rules: alerts.map(ruleOf) }];

function ruleOf({ name, severity, expr, lasts, summary, means }: Alert): Readonly<Record<string, unknown>> {
  return {
    alert: name, expr, ...(lasts === '0m' ? {} : { for: lasts }), labels: { severity },
    annotations: { summary, description: means, runbook: `docs/operations.md#${name.toLowerCase()}` },
  };
}

function yamlOf(value: unknown): string {
  return stringify(value, { lineWidth: 0 });
}
