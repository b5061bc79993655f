import type { BatchSink } from './sink.ts';

/** Resolves when all that these sinks took is delivered, or given up. */
export async function settledSinks(sinks: readonly BatchSink[]): Promise<void> {
  await Promise.all(sinks.map((sink) => sink.settled?.()));
}
