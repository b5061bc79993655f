import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.{test,prop.test,sim.test,e2e.test}.ts'],
    // Long enough for a machine that is busy with other things: a test that hangs is told by its file's name, not by its haste.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    pool: 'forks',
    maxWorkers: '100%',
  },
});
