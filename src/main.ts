#!/usr/bin/env node
/*
 * Process entry: thread pool, signals, exit code. Nothing is imported before the size of libuv's thread pool is set,
 * since the pool keeps the size it starts with: each running DuckDB query holds one of its threads, and file and zlib
 * work must still find others.
 */
process.env['UV_THREADPOOL_SIZE'] ??= '16';

const nodeMajorMin = 24;
if (Number(process.versions.node.split('.')[0]) < nodeMajorMin) {
  process.stderr.write(`thresher: Node ${nodeMajorMin} or later is needed, this is ${process.version}\n`);
  process.exit(2);
}

const { runProcess } = await import('./process.ts');
await runProcess();
