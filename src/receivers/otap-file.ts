import { setImmediate as turnOfOthers } from 'node:timers/promises';
import { messageOf } from '../base/errors.ts';
import type { Seam } from '../base/seam.ts';
import { CaptureReader, signalOfMessage } from '../otap/capture-file.ts';
import { OtapStreamDecoder } from '../otap/decode/stream-decoder.ts';
import { OtapStreamEncoder } from '../otap/encode/stream-encoder.ts';
import type { Signal } from '../otap/payload-type.ts';
import { OutputBatchBuilder } from '../otap/take/builder.ts';
import { allRows } from '../otap/take/split.ts';
import type { Intake } from '../pipeline/intake.ts';
import type { OtapIntakeStream } from '../pipeline/intake-port.ts';
import { earliestTime, eventTimes } from '../pipeline/slot-rows.ts';
import { LookupCache } from '../store/lookup.ts';
import type { WithoutThreshold } from '../store/retained-batch.ts';
import type { Logger } from '../telemetry/log.ts';
import { shiftedBatch } from './shifted-batch.ts';
import type { CheckTaken } from './taken.ts';

export interface OtapFileReceiverOptions {
  /** Name in the configuration. */
  readonly id: string;
  readonly path: string;
  /** Start again at the end, with times moved on and traces renamed, as if traffic went on. */
  readonly loop: boolean;
  /** How fast recorded time passes; `max` as fast as the intake takes it. */
  readonly speed: number | 'max';
  readonly inputWithoutThreshold: WithoutThreshold;
}

export interface OtapFileTools {
  readonly intake: Intake;
  readonly seam: Seam;
  readonly log: Logger;
  readonly checkTaken: CheckTaken;
}

/** Reads a capture file into the intake, once or over and over. */
export class OtapFileReceiver {
  readonly #options: OtapFileReceiverOptions;
  readonly #intake: Intake;
  readonly #seam: Seam;
  readonly #log: Logger;
  readonly #checkTaken: CheckTaken;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: OtapFileReceiverOptions, { intake, seam, log, checkTaken }: OtapFileTools) {
    this.#options = options;
    this.#intake = intake;
    this.#seam = seam;
    this.#log = log;
    this.#checkTaken = checkTaken;
  }

  start(): void {
    this.#running = this.#run().catch((error: unknown) => {
      if (!this.#stop.signal.aborted) this.#log.error('otap_file_failed', `${this.#options.path}: ${messageOf(error)}`, { path: this.#options.path });
    });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let round = 0; !this.#stop.signal.aborted; round++) {
      const isEmpty = !(await this.#readOnce(round));
      if (!this.#options.loop) return;
      if (isEmpty) await this.#seam.sleepMs(emptyPauseMs, this.#stop.signal);
    }
  }

  /** False where the file holds nothing. */
  async #readOnce(round: number): Promise<boolean> {
    const reader = new CaptureReader(this.#options.path);
    try {
      const first = reader.next();
      if (first === null) return false;
      const signal = signalOfMessage(first) ?? 'traces';
      this.#checkTaken(this.#options.id, signal);
      const pass = new Pass(signal, this.#intake.open(signal, { withoutThreshold: this.#options.inputWithoutThreshold }), round, this.#seam, this.#options.speed, this.#stop.signal);
      for (let bytes: Uint8Array | null = first; bytes !== null && !this.#stop.signal.aborted; bytes = reader.next()) {
        await pass.feed(bytes);
        // What a reading awaits need never leave the microtask queue: timers and other receivers get their turn here.
        await turnOfOthers();
      }
      pass.end();
      return true;
    } finally {
      reader.close();
    }
  }
}

/** Pause before an empty file is looked at again. */
const emptyPauseMs = 1000;

/** How far behind its batch a time may be and still say when the batch is due. */
const clocksApartNano = 60e9;

/** One reading of the file: batches are decoded, moved to now, encoded and handed to the intake at their time. */
class Pass {
  readonly #decoder: OtapStreamDecoder;
  readonly #encoder: OtapStreamEncoder;
  readonly #builder: OutputBatchBuilder;
  readonly #stream: OtapIntakeStream;
  readonly #round: number;
  readonly #seam: Seam;
  readonly #speed: number | 'max';
  readonly #stop: AbortSignal;
  readonly #lookups = new LookupCache();
  #startedMs = 0;
  #firstNano: number | null = null;
  #shiftNano = 0n;
  #batchId = 0n;

  constructor(signal: Signal, stream: OtapIntakeStream, round: number, seam: Seam, speed: number | 'max', stop: AbortSignal) {
    this.#decoder = new OtapStreamDecoder(signal);
    this.#encoder = new OtapStreamEncoder(signal, { bodyCompression: 'zstd', zstdLevel: 1 });
    this.#builder = new OutputBatchBuilder(signal);
    this.#stream = stream;
    this.#round = round;
    this.#seam = seam;
    this.#speed = speed;
    this.#stop = stop;
  }

  async feed(bytes: Uint8Array): Promise<void> {
    const batch = this.#decoder.decode(bytes);
    const timeNano = earliestTime(eventTimes(batch, this.#lookups), clocksApartNano);
    if (timeNano !== null) await this.#waitFor(timeNano);
    this.#builder.append(batch, allRows(batch), null);
    const moved = shiftedBatch(this.#builder.finish(), this.#shiftNano, this.#round);
    for (;;) {
      const message = { bytes: this.#encoder.encode(this.#batchId++, moved), compressed: null, encoding: 'identity' };
      const { ack } = await this.#stream.accept(message);
      if (ack.retryAfterMs === null || this.#stop.aborted) return;
      await this.#seam.sleepMs(ack.retryAfterMs, this.#stop);
    }
  }

  end(): void {
    this.#stream.close();
  }

  /** Waits until the recorded moment has come, counted from the pass's first batch. */
  async #waitFor(timeNano: number): Promise<void> {
    if (this.#firstNano === null) {
      this.#firstNano = timeNano;
      this.#startedMs = this.#seam.monotonicMs();
      this.#shiftNano = this.#seam.nowUnixNano() - BigInt(timeNano);
    }
    if (this.#speed === 'max') return;
    const dueMs = this.#startedMs + (timeNano - this.#firstNano) / 1e6 / this.#speed;
    const waitMs = dueMs - this.#seam.monotonicMs();
    if (waitMs > 0) await this.#seam.sleepMs(waitMs, this.#stop);
  }
}
