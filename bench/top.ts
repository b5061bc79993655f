import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Frame, stacksOf, type Stack } from './profile.ts';

/** A function by the time that is spent in itself. */
export interface Hot {
  /** `file:line name`; of a native function its name and the place that calls it. */
  readonly place: string;
  /** Share of the profiled time, 0 to 1: in itself, and with all that it calls. */
  readonly self: number;
  readonly total: number;
}

/** The `count` functions with the greatest self time. */
export function hottest(stacks: readonly Stack[], count: number): Hot[] {
  const all = stacks.reduce((sum, { micros }) => sum + micros, 0);
  const self = new Map<string, number>();
  const total = new Map<string, number>();
  for (const { frames, micros } of stacks) {
    const places = frames.map((_, index) => placeOf(frames, index));
    self.set(places[0], (self.get(places[0]) ?? 0) + micros);
    for (const place of new Set(places)) total.set(place, (total.get(place) ?? 0) + micros);
  }
  return [...self].sort((a, b) => b[1] - a[1]).slice(0, count)
    .map(([place, micros]) => ({ place, self: micros / all, total: (total.get(place) ?? 0) / all }));
}

function placeOf(frames: readonly Frame[], index: number): string {
  const { name, file, line } = frames[index];
  if (/^src|^bench|^node_modules/.test(file)) return `${file}:${line} ${name}`;
  const caller = name.startsWith('(') && name !== '(anonymous)' ? undefined : frames.slice(index + 1).find((frame) => frame.file.startsWith('src/'));
  const label = file.startsWith('wasm:') ? 'wasm' : file === '' ? name : `${file} ${name}`;
  return caller === undefined ? label : `${label} <- ${caller.file}:${caller.line} ${caller.name}`;
}

/** The stacks of a .cpuprofile file. */
export function readStacks(path: string): Stack[] {
  return stacksOf(JSON.parse(readFileSync(path, 'utf8')));
}

function main(): void {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { count: { type: 'string', default: '30' } } });
  for (const path of positionals) {
    process.stdout.write(`${path}\n  self   total\n`);
    for (const { place, self, total } of hottest(readStacks(path), Number(values.count))) {
      process.stdout.write(`${(self * 100).toFixed(1).padStart(5)}% ${(total * 100).toFixed(1).padStart(6)}%  ${place}\n`);
    }
  }
}

if (import.meta.main) main();
