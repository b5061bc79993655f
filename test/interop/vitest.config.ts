import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

// Tests against programs of other projects, which are built or installed first. They have several processes each, which wait most of the time:
// two files at a time.
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '../..'),
    include: ['test/interop/**/*.interop.ts'],
    globalSetup: ['test/interop/support/prepare.ts'],
    testTimeout: 240_000,
    hookTimeout: 300_000,
    maxWorkers: 2,
    pool: 'forks',
  },
});
