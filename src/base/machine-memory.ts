import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { dirname, join } from 'node:path/posix';

/** How much memory this process may use, and who says so: a control group (container, systemd unit) or the machine's size. */
export interface MachineMemory {
  readonly bytes: number;
  readonly source: 'cgroup' | 'machine';
}

/** Where the kernel tells it. */
export interface MemoryFiles {
  /** Names the control groups of this process (cgroups(7), "/proc files"). */
  readonly membership: string;
  /** Where control groups are mounted. */
  readonly mount: string;
  readonly totalBytes: number;
}

/**
 * The least of what the machine has and what any control group allows that this process is in, in versions 1 and 2
 * (Documentation/admin-guide/cgroup-v1/memory.rst, cgroup-v2.rst). Files that are not there say nothing.
 */
export function machineMemory(files: MemoryFiles = { membership: '/proc/self/cgroup', mount: '/sys/fs/cgroup', totalBytes: totalmem() }): MachineMemory {
  const limits = limitFiles(files).map(limitOf).filter((bytes) => bytes > 0 && bytes < files.totalBytes);
  return limits.length === 0 ? { bytes: files.totalBytes, source: 'machine' } : { bytes: Math.min(...limits), source: 'cgroup' };
}

const ownBytes = 256 * 2 ** 20;
const limitBytesMin = 64 * 2 ** 20;

/**
 * The `memory.limit` that `auto` stands for, in bytes. What is held takes up to three times its size (queries of policies, what is
 * being rebuilt and sent, what the allocator keeps) beside the process's own 256 MiB, so a third of what is above them is safe where
 * the memory is ours alone: with half of it, overload got the process killed in a group of 512 MiB. A machine without
 * control groups is shared with others, who get the other half.
 */
export function autoLimitBytes({ bytes, source }: MachineMemory): number {
  return Math.max(limitBytesMin, Math.floor((bytes - ownBytes) / (source === 'cgroup' ? 3 : 6)));
}

/** The files that may hold a limit, of our groups and of all groups above them. */
function limitFiles({ membership, mount }: MemoryFiles): string[] {
  return textOf(membership).split('\n').flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === '') return groups(path).flatMap((group) => ['memory.max', 'memory.high'].map((name) => join(mount, group, name)));
    return controllers?.split(',').includes('memory') === true ? groups(path).map((group) => join(mount, 'memory', group, 'memory.limit_in_bytes')) : [];
  });
}

/** A group and those above it, the root last. A container may see its path from outside, where only the root is there to read. */
function groups(path: string): string[] {
  const group = join('/', path);
  return group === '/' ? ['/'] : [group, ...groups(dirname(group))];
}

/** What a file allows, in bytes; 0 where it is not there or says `max`. */
function limitOf(path: string): number {
  const text = textOf(path).trim();
  return /^\d+$/.test(text) ? Number(text) : 0;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
