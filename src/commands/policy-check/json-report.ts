import type { CheckedFile, CheckedSet } from '../../policy/check/check-set.ts';
import type { Finding } from '../../policy/compile/finding.ts';

/** The report for programs; docs/policies.md describes it. Fields are added, never renamed or taken away, within a version. */
export function jsonReport(files: readonly CheckedFile[], { findings, projections }: CheckedSet, isOk: boolean): string {
  const report = {
    version: 1,
    ok: isOk,
    files: files.map(fileJson),
    findings: findings.map(findingJson),
    projected: projections.map(({ signal, columns, bytesPerRow, tables }) => ({ signal, columns, bytes_per_row: bytesPerRow, tables })),
  };
  return `${JSON.stringify(report, null, 2)}\n`;
}

function fileJson({ path, name, policy, findings, isHeadRule }: CheckedFile): unknown {
  return {
    path, name,
    signal: isHeadRule === true ? 'head' : policy?.signal ?? null,
    mode: policy?.mode ?? null,
    reads: policy === null ? null : {
      views: policy.views.map(({ view, columns, keys }) => ({ view, columns, keys: keys.map(({ source, key, type }) => ({ source, key, type })) })),
      stars: policy.stars.map(({ star, columns, keys }) => ({ star, columns, keys })),
      sides: policy.sides.map(({ side, columns }) => ({ view: side, columns })),
    },
    decides_at_once: policy?.certain?.sql ?? null,
    findings: findings.map(findingJson),
  };
}

function findingJson({ code, severity, position, message, hint }: Finding): unknown {
  return { code, severity, line: position?.line ?? null, column: position?.column ?? null, message, hint };
}
