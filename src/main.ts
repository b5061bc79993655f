#!/usr/bin/env -S node --initial-old-space-size=256
/*
 * Process entry: thread pool, signals, exit code. Nothing is imported before the size of libuv's thread pool is set,
 * since the pool keeps the size it starts with: each running DuckDB query holds one of its threads, and file and zlib
 * work must still find others.
 *
 * The old space starts large because what waits for windows lies outside of the heap: the collector takes that growth
 * for a reason to collect a heap of 20 MB over and over, at up to a third of all CPU time (bench/RESULTS.md).
 */
process.env['UV_THREADPOOL_SIZE'] ??= '16';

const nodeMajorMin = 24;
if (Number(process.versions.node.split('.')[0]) < nodeMajorMin) {
  process.stderr.write(`thresher: Node ${nodeMajorMin} or later is needed, this is ${process.version}\n`);
  process.exit(2);
}

const { runProcess } = await import('./process.ts');
await runProcess();
