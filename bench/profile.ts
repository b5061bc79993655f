import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import type { Profiler } from 'node:inspector';

const sampleMicros = 250;

/** Samples the main thread while `work` runs, and writes what came of it to `path` as a .cpuprofile. */
export async function profiled<T>(path: string, work: () => Promise<T>): Promise<T> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: sampleMicros });
    await session.post('Profiler.start');
    const result = await work();
    const { profile } = await session.post('Profiler.stop');
    writeFileSync(path, JSON.stringify(profile));
    return result;
  } finally {
    session.disconnect();
  }
}

/** One function on a stack: its name, the file and the line where it starts (from 1); file empty where it is native. */
export interface Frame {
  readonly name: string;
  readonly file: string;
  readonly line: number;
}

/** Time that was spent in the first of `frames`, called by the second, and so on up to the root. */
export interface Stack {
  readonly frames: readonly Frame[];
  readonly micros: number;
}

/** Distinct stacks of a profile with the time spent in each; without the time in which nothing ran. */
export function stacksOf(profile: Profiler.Profile): Stack[] {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)));
  const micros = new Map<number, number>();
  (profile.samples ?? []).forEach((id, index) => micros.set(id, (micros.get(id) ?? 0) + Math.max(0, profile.timeDeltas?.[index + 1] ?? 0)));
  return [...micros].flatMap(([id, spent]) => {
    const frames: Frame[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const node = nodes.get(at);
      if (node !== undefined) frames.push(frameOf(node.callFrame));
    }
    return frames[0]?.name === '(idle)' ? [] : [{ frames, micros: spent }];
  });
}

function frameOf({ functionName, url, lineNumber }: { functionName: string; url: string; lineNumber: number }): Frame {
  return { name: functionName === '' ? '(anonymous)' : functionName, file: url.replace(/^.*?\/(?=(src|bench|test|node_modules)\/)/, ''), line: lineNumber + 1 };
}
