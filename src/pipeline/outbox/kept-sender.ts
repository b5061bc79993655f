import type { Dispatcher } from '../dispatcher.ts';
import type { KeptDispatch } from '../kept-dispatch.ts';
import type { StampCounts } from '../stamp-rows.ts';
import type { Lot } from './lot.ts';

/** What kept rows leave a lane by. */
export interface KeptSender {
  /** Resolves when nothing of the lot's batches in memory is needed any more; `onDelivered` is called, by a lane with a journal, when all sinks have delivered it, or given it up. */
  send(lot: Lot, onDelivered: () => void): Promise<StampCounts>;
}

/** Sends at once, and waits for sinks that are full. */
export function directSender(keptDispatch: KeptDispatch, dispatcher: Dispatcher): KeptSender {
  return {
    send: async ({ kept, marks }) => {
      const counts = await keptDispatch.dispatch(kept, marks);
      await dispatcher.flush();
      return counts;
    },
  };
}
