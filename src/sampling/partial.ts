/**
 * Why items were decided on part of what belongs to their trace: it is larger than windows take, an earlier decision on it may be forgotten,
 * or memory ran short before it was whole. Written as `sampling.partial`.
 */
export type PartialCause = 'trace_size' | 'past_horizon' | 'memory';
