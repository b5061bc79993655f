import type { CompiledPolicy, PolicySignal } from '../compile/compiled.ts';
import { type Finding, lintRules } from '../compile/finding.ts';
import { type Projection, projectionOf } from './projection.ts';

/** A policy's file with what was found of it; `name` is what metrics call it. */
export interface CheckedFile {
  readonly path: string;
  readonly name: string;
  /** Null where it does not compile. */
  readonly policy: CompiledPolicy | null;
  readonly findings: readonly Finding[];
  /** Left out for policies: it is the SQL of rates for head sampling, and no policy. */
  readonly isHeadRule?: true;
}

/** What policies come to that run together. */
export interface CheckedSet {
  readonly findings: readonly Finding[];
  readonly projections: readonly Projection[];
}

/** Names that more than one file has, and what all files together project. */
export function checkSet(files: readonly CheckedFile[]): CheckedSet {
  const byName = new Map<string, string[]>();
  for (const { name, path } of files) byName.set(name, [...(byName.get(name) ?? []), path]);
  const findings = [...byName].filter(([, paths]) => paths.length > 1).map(([name, paths]): Finding => ({
    code: 'duplicate_name', severity: lintRules.duplicate_name.severity, position: null,
    message: `${paths.join(' and ')} are both called ${name}`, hint: 'rename one: metrics and messages go by the name',
  }));
  const compiled = files.flatMap(({ policy }) => (policy === null ? [] : [policy]));
  const projections = (['traces', 'logs'] as const satisfies readonly PolicySignal[]).flatMap((signal) => {
    const own = compiled.filter((policy) => policy.signal === signal);
    return own.length === 0 ? [] : [projectionOf(signal, own)];
  });
  return { findings, projections };
}
