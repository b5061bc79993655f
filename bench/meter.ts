import { readdirSync, readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';

/** What a stretch of work cost this process. */
export interface Cost {
  readonly wallMs: number;
  /** CPU of all threads: JavaScript, DuckDB's queries and zlib on libuv's threads, V8's helpers. */
  readonly cpuMicros: number;
  /** CPU of the main thread alone. */
  readonly mainMicros: number;
  /** CPU of V8's own threads, which mark and sweep beside the main thread; to 10 ms, and 0 where the system does not say. */
  readonly collectorMicros: number;
}

/** Starts to measure; the result tells what it has cost since. */
export function startMeter(): () => Cost {
  const startMs = performance.now();
  const cpu = process.cpuUsage();
  const main = process.threadCpuUsage();
  const collector = collectorMicros();
  return () => {
    const all = process.cpuUsage(cpu);
    const own = process.threadCpuUsage(main);
    return {
      wallMs: performance.now() - startMs, cpuMicros: all.user + all.system, mainMicros: own.user + own.system,
      collectorMicros: collectorMicros() - collector,
    };
  };
}

/** utime and stime of threads named V8Worker (proc(5), /proc/pid/task/tid/stat), in ticks of 10 ms. */
function collectorMicros(): number {
  try {
    const stats = readdirSync('/proc/self/task').map((thread) => readFileSync(`/proc/self/task/${thread}/stat`, 'utf8'));
    return stats.filter((stat) => stat.includes('(V8Worker)')).reduce((sum, stat) => {
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return sum + (Number(fields[11]) + Number(fields[12])) * 10_000;
    }, 0);
  } catch {
    return 0;
  }
}

/** The middle value; the mean of the middle two where their number is even. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Greatest resident size of this process so far, bytes. */
export function peakRssBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}

/** Resident size after a full garbage collection, where node runs with --expose-gc. */
export function settledRssBytes(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

/** Cores, CPU model, Node version and how busy the machine is with other things. */
export function machineText(): string {
  const [cpu] = cpus();
  const [load] = loadavg();
  return `${cpus().length} cores, ${cpu.model.trim()}, Node ${process.versions.node}, load average ${load.toFixed(1)}`;
}

/** Cores that this process may run on, as Linux lists them; null where nobody says. */
export function coresAllowed(): string | null {
  try {
    return /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? null;
  } catch {
    return null;
  }
}
