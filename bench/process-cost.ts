import { readdirSync, readFileSync } from 'node:fs';

/** What another process has used so far (proc(5); Linux alone). */
export interface ProcessUse {
  /** CPU of all its threads in user and kernel mode, to 10 ms. */
  readonly cpuMicros: number;
  readonly rssBytes: number;
  /** Greatest resident size so far. */
  readonly peakRssBytes: number;
}

const tickMicros = 10_000;

/** What process `pid` has used so far. Throws where it has ended, and where there is no /proc. */
export function useOf(pid: number): ProcessUse {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kibibytes = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  return {
    cpuMicros: cpuMicrosOf(`/proc/${pid}/stat`), rssBytes: kibibytes('VmRSS'), peakRssBytes: kibibytes('VmHWM'),
  };
}

/** CPU of the threads of a process by their names, microseconds. */
export function threadsOf(pid: number): ReadonlyMap<string, number> {
  const byName = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const path = `/proc/${pid}/task/${thread}`;
    const name = readFileSync(`${path}/comm`, 'utf8').trim();
    byName.set(name, (byName.get(name) ?? 0) + cpuMicrosOf(`${path}/stat`));
  }
  return byName;
}

/** utime and stime. The second field is a name in parentheses that may hold anything. */
function cpuMicrosOf(path: string): number {
  const stat = readFileSync(path, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickMicros;
}
