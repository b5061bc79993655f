import type { SettledFollowers } from './followers.ts';
import type { TraceMemory } from './trace-memory.ts';

/** The slot's traces are decided and remembered: what came of them meanwhile leaves with them. */
export function settleSlot({ open, partial, followers, decided }: TraceMemory, slot: number, fallbackN: bigint, fallbackReason: number | null): SettledFollowers {
  open.close(slot);
  partial.close(slot);
  return followers.settle(slot, decided, fallbackN, fallbackReason);
}
