import { dirname, join } from 'node:path/posix';

/** Folders of src from the bottom to the top; a folder may import from lower rows only. Files at the top of src go by their name. */
const rows: readonly (readonly string[])[] = [
  ['base'],
  ['telemetry', 'config', 'sampling'],
  ['storage', 'sampler'],
  ['otap'],
  ['otlp'],
  ['store'],
  ['policy', 'audit'],
  ['pipeline'],
  ['head'],
  ['security'],
  ['grpc'],
  ['receivers', 'exporters', 'http'],
  ['policies', 'head-sampling'],
  ['policy-reload'],
  ['app'],
  ['authoring', 'convert'],
  ['commands'],
  ['cli'],
  ['process'],
  ['main'],
];

/** What a folder imports at most, where the rows alone would allow it more. */
const narrower: Readonly<Record<string, readonly string[]>> = { storage: ['base', 'telemetry'], security: ['base', 'config', 'telemetry'], grpc: ['base', 'telemetry', 'security'], sampler: ['base', 'sampling'] };

/** The folder of a file, or its own name when it lies at the top: `src/otap/ipc/x.ts` is otap, `src/cli.ts` is cli. */
export function unitOf(path: string): string {
  const [, first] = path.split('/');
  return first.replace(/\.ts$/, '');
}

/** Why `path` may not import `specifier`, or null when it may. Packages and Node's own modules are free. */
export function importComplaint(path: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  const target = join(dirname(path), specifier);
  if (!target.startsWith('src/')) return `${specifier} leaves src`;
  if (!target.endsWith('.ts')) return `${specifier} does not end in .ts`;
  const [from, to] = [unitOf(path), unitOf(target)];
  if (from === to) return null;
  const rowOf = (unit: string): number => rows.findIndex((row) => row.includes(unit));
  if (rowOf(from) < 0) return `${from} is not in the list of folders`;
  if (rowOf(to) < 0 || rowOf(to) >= rowOf(from)) return `${from} must not import ${to} (${specifier})`;
  return narrower[from] === undefined || narrower[from].includes(to) ? null : `${from} imports only ${narrower[from].join(' and ')}, not ${to}`;
}
