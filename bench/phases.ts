import type { Frame, Stack } from './profile.ts';

/** Parts of the way of the data, in its order. */
export const phases = [
  'transport', 'read file', 'decode', 'validate', 'retain', 'project', 'append', 'window', 'take', 'encode', 'write file', 'garbage', 'other',
] as const;
export type Phase = (typeof phases)[number];

/** The phase of the innermost frame that has one decides, so that what is decoded for `project` counts there. */
const owners: readonly (readonly [file: RegExp, name: RegExp, phase: Phase])[] = [
  [/^$/, /^\(garbage collector\)$/, 'garbage'],
  [/^src\/store\/(table-writer|string-table)/, /./, 'append'],
  [/^src\/otap\/take\//, /./, 'take'],
  [/^src\/otap\/encode\//, /./, 'encode'],
  [/^src\/pipeline\/(stamp-rows|kept-rows|dispatcher)/, /./, 'take'],
  [/^src\/store\/retained-batch/, /^retainedBody$/, 'take'],
  [/^src\/otap\/decode\/reopen-batch/, /./, 'take'],
  [/^src\/store\/(retained-batch|held-batch)/, /./, 'retain'],
  [/^src\/store\/(projector|input-columns)/, /./, 'project'],
  [/^src\/pipeline\/(signal-intake|late-rows|slot-rows)/, /./, 'project'],
  [/^src\/otap\/decode\/stream-decoder/, /^decode$/, 'decode'],
  [/^src\/otap\/decode\/validate/, /./, 'validate'],
  [/^src\/pipeline\/(trace-windows|log-windows|window-loop|service-counts|named-rows)/, /./, 'window'],
  [/^src\/(policy|store\/duckdb|store\/slot)/, /./, 'window'],
  [/^src\/otap\/capture-file/, /^(write|writeAll)$/, 'write file'],
  [/^src\/otap\/capture-file/, /./, 'read file'],
  [/^src\/(grpc|receivers|exporters)\/|grpc-js/, /./, 'transport'],
  [/^node:(internal\/http2|internal\/stream|net|http2|zlib|_http|internal\/js_stream)|^node:internal\/streams/, /./, 'transport'],
];

/** The phase of a stack; 'other' where no frame has one. */
export function phaseOf(frames: readonly Frame[]): Phase {
  for (const { file, name } of frames) {
    const owner = owners.find(([files, names]) => files.test(file) && names.test(name));
    if (owner !== undefined) return owner[2];
  }
  return 'other';
}

/** Share of the profiled time in each phase, 0 to 1. */
export function phaseShares(stacks: readonly Stack[]): ReadonlyMap<Phase, number> {
  const total = stacks.reduce((sum, { micros }) => sum + micros, 0);
  const shares = new Map<Phase, number>(phases.map((phase) => [phase, 0]));
  for (const { frames, micros } of stacks) {
    const phase = phaseOf(frames);
    shares.set(phase, (shares.get(phase) ?? 0) + micros / total);
  }
  return shares;
}
