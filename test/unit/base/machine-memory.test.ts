import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { autoLimitBytes, machineMemory, type MachineMemory } from '../../../src/base/machine-memory.ts';

const gib = 2 ** 30;
const mib = 2 ** 20;
const root = mkdtempSync(join(tmpdir(), 'thresher-cgroup-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let trees = 0;

/** What is found where the kernel shows these files, on a machine of 16 GiB. */
function found(membership: string | null, files: Readonly<Record<string, string>> = {}): MachineMemory {
  const tree = join(root, String(trees++));
  mkdirSync(join(tree, 'mount'), { recursive: true });
  if (membership !== null) writeFileSync(join(tree, 'cgroup'), membership);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, 'mount', path)), { recursive: true });
    writeFileSync(join(tree, 'mount', path), text);
  }
  return machineMemory({ membership: join(tree, 'cgroup'), mount: join(tree, 'mount'), totalBytes: 16 * gib });
}

// As the kernel's documents and real hosts have them.
describe('the memory that there is', () => {
  test.each<[string, string | null, Readonly<Record<string, string>>, number, MachineMemory['source']]>([
    ['no control groups at all', null, {}, 16 * gib, 'machine'],
    ['version 2, a container with its own namespace', '0::/\n', { 'memory.max': '1073741824\n', 'memory.high': 'max\n' }, gib, 'cgroup'],
    ['version 2, no limit', '0::/\n', { 'memory.max': 'max\n', 'memory.high': 'max\n' }, 16 * gib, 'machine'],
    ['version 2, a systemd unit', '0::/system.slice/thresher.service\n', { 'system.slice/thresher.service/memory.max': '2147483648\n', 'system.slice/memory.max': 'max\n' }, 2 * gib, 'cgroup'],
    ['version 2, a limit on the slice above', '0::/a.slice/b.service\n', { 'a.slice/b.service/memory.max': 'max\n', 'a.slice/memory.max': '536870912\n' }, 512 * mib, 'cgroup'],
    ['version 2, memory.high below memory.max', '0::/x\n', { 'x/memory.max': '2147483648\n', 'x/memory.high': '1073741824\n' }, gib, 'cgroup'],
    ['version 2, moved out of its namespace', '0::/../other\n', { 'memory.max': '1073741824\n' }, gib, 'cgroup'],
    ['version 1, without a limit', '4:memory:/user\n0::/\n', { 'memory/user/memory.limit_in_bytes': '9223372036854771712\n' }, 16 * gib, 'machine'],
    ['version 1, the path as the host sees it', '4:memory:/docker/abc\n1:cpu,cpuacct:/docker/abc\n', { 'memory/memory.limit_in_bytes': '1073741824\n' }, gib, 'cgroup'],
    ['version 1, a nested group', '4:memory:/a/b\n', { 'memory/a/b/memory.limit_in_bytes': '2147483648\n', 'memory/a/memory.limit_in_bytes': '1073741824\n' }, gib, 'cgroup'],
    ['version 1, another controller of a like name', '4:memory_x:/a\n', { 'memory/a/memory.limit_in_bytes': '1073741824\n' }, 16 * gib, 'machine'],
    ['more than the machine has', '0::/\n', { 'memory.max': String(32 * gib) }, 16 * gib, 'machine'],
    ['what makes no sense', '0::/\nnonsense\n::::\n', { 'memory.max': 'a lot\n' }, 16 * gib, 'machine'],
    ['nothing allowed', '0::/\n', { 'memory.max': '0\n' }, 16 * gib, 'machine'],
  ])('%s', (_, membership, files, bytes, source) => {
    expect(found(membership, files)).toEqual({ bytes, source });
  });

  test('is here what libuv says, which looks at our own group alone', () => {
    const theirs = process.constrainedMemory();
    const { bytes, source } = machineMemory();
    expect(bytes).toBeLessThanOrEqual(theirs > 0 && theirs < totalmem() ? theirs : totalmem());
    expect(source === 'machine').toBe(bytes === totalmem());
  });
});

test.each<[number, MachineMemory['source'], number]>([
  [gib, 'cgroup', 256 * mib], [1.75 * gib, 'cgroup', 512 * mib], [6.25 * gib, 'cgroup', 2 * gib], [24.25 * gib, 'machine', 4 * gib],
  [128 * mib, 'cgroup', 64 * mib], [300 * mib, 'machine', 64 * mib],
])('auto of %d bytes by the %s is %d', (bytes, source, limit) => {
  expect(autoLimitBytes({ bytes, source })).toBe(limit);
});
