import { describe, expect, test } from 'vitest';
import { freshBuffers } from '../../../src/base/buffer-source.ts';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { Followers } from '../../../src/pipeline/followers.ts';
import { OpenTraces } from '../../../src/pipeline/open-traces.ts';
import { PartialTraces } from '../../../src/pipeline/partial-traces.ts';
import { SignalIntake } from '../../../src/pipeline/signal-intake.ts';
import { SlotRing } from '../../../src/pipeline/slot-ring.ts';
import { WindowClock } from '../../../src/pipeline/window-clock.ts';
import { DecisionCache } from '../../../src/policy/decision-cache.ts';
import { slotPlanOf } from '../../../src/policy/slot-plan-of.ts';
import { KeyedHash } from '../../../src/sampling/keyed-hash.ts';
import { Database } from '../../../src/store/duckdb.ts';
import { LookupCache } from '../../../src/store/lookup.ts';
import { heldBatch } from '../../sql/store/projected.ts';
import { spanMessages } from './synthetic.ts';

const arrivalNano = 15_000_000_000n;
const ownSlot = 1;
/** More turns of the microtask queue than taking a batch lasts. */
const turnsMax = 40;

/** The slot that a batch went to whose own slot is open as it comes, and closed `turns` turns of the microtask queue later. */
async function slotTaken(turns: number): Promise<number> {
  const database = await Database.open({ memoryLimitBytes: 2 ** 28, threads: 1 });
  try {
    const ring = new SlotRing(await database.connectToAppend(), 't', slotPlanOf('traces', []));
    await ring.ensure(ownSlot);
    const taken: number[] = [];
    const intake = new SignalIntake({
      signal: 'traces', ring, clock: new WindowClock(10_000, 20_000), time: 'arrival', hash: new KeyedHash(new Uint8Array(16)),
      traces: { open: new OpenTraces(), decided: new DecisionCache(1000), followers: new Followers(), partial: new PartialTraces() },
      tools: { lookups: new LookupCache(), onMismatch: () => undefined }, pace: () => Promise.resolve(), onLate: () => undefined, onTaken: (_held, slot) => taken.push(slot),
    });
    const [bytes] = spanMessages([[{ trace: 1, startMs: 0 }]]);
    const batch = new OtapStreamDecoder('traces').decode(bytes);
    const taking = intake.take(batch, heldBatch(batch, bytes, 0, { retained: 0 }), arrivalNano, freshBuffers);
    for (let turn = 0; turn < turns; turn++) await null;
    ring.closeBefore(ownSlot + 1);
    await taking;
    return taken[0];
  } finally {
    database.close();
  }
}

describe('a slot that closes while a batch is being taken', () => {
  test('whenever that is, the batch goes to it or to the next', async () => {
    const slots: number[] = [];
    for (let turns = 0; turns < turnsMax; turns++) slots.push(await slotTaken(turns));
    expect(slots).toEqual([...slots].sort((a, b) => b - a));
    expect(new Set(slots)).toEqual(new Set([ownSlot + 1, ownSlot]));
  });
});
