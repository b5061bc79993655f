import { duration, filePath, oneOf, size } from './scalars.ts';
import { option, section } from './section.ts';

/** What outlives the process. */
export const durability = option('durability', oneOf('none', 'async', 'fsync'), 'none',
  'What a sender may rely on once its data is acknowledged. `none`: it is in memory. `async`: it survives the end of the process, and a crash of the machine but for the last `storage.sync_interval`. `fsync`: it survives both. See durability.md.');

/** Where and how the log is kept. */
export const storage = section('The log on the disk, with durability async or fsync; and without it batches that wait, with memory.retain: disk.', {
  directory: option('directory', filePath, './thresher-data', 'A directory of this process alone. It is made where it is not there.'),
  limitBytes: option('limit', size({ min: 2 ** 20 }), '10GiB', 'Most bytes of the log; beyond, `on_error` says what happens.'),
  segmentBytes: option('segment_size', size({ min: 2 ** 16 }), '64MiB', 'A file of this size is followed by another; with memory.retain and no durability one of an eighth of `limit`, where that is less. A file is removed when all that is in it is delivered.'),
  syncIntervalMs: option('sync_interval', duration({ min: 1 }), '200ms', 'With `async`: what was written is synced about as often.'),
  onError: option('on_error', oneOf('refuse', 'memory'), 'refuse', 'When the disk is full, read-only or failing. `refuse`: senders are told to come again. `memory`: new data is held in memory alone, as with durability none, until the disk works again.'),
  onCorrupt: option('on_corrupt', oneOf('skip', 'refuse'), 'skip', 'A damaged record in the log at the start. `skip`: what it held is lost, and told. `refuse`: the process does not start.'),
  shutdown: option('shutdown', oneOf('drain', 'keep'), 'drain', 'What becomes of open windows at the end. `drain`: they are decided and exported. `keep`: the next start goes on with them.'),
});
