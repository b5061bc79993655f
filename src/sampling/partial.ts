/**
 * Why items were decided on part of what belongs to their trace: it is larger than windows take, an earlier decision on it may be forgotten,
 * or memory ran short before it was whole. Written as `sampling.partial`.
 */
export type PartialCause = 'trace_size' | 'past_horizon' | 'memory';

/** Numbers of the causes are their places here, from 1; 0 is none. */
const causes = ['trace_size', 'past_horizon', 'memory'] as const satisfies readonly PartialCause[];

export function codeOfCause(cause: PartialCause | null): number {
  return cause === null ? 0 : causes.indexOf(cause) + 1;
}

export function causeOfCode(code: number): PartialCause | null {
  return code === 0 ? null : causes[code - 1];
}
