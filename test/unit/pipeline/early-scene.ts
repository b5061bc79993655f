import { expect, vi } from 'vitest';
import { realSeam } from '../../../src/base/seam.ts';
import type { ProcessorOptions } from '../../../src/pipeline/processor.ts';
import { openPolicies } from '../../../src/policies.ts';
import { Session } from '../../../src/store/duckdb.ts';
import { type Flow, openFlow } from '../../sql/store/support.ts';
import { type SpanSpec, spanMessages, spansOf } from './synthetic.ts';

interface Clock {
  second: number;
}

const nanoOf = ({ second }: Clock): bigint => 1_700_000_000_000_000_000n + BigInt(Math.round(second * 1e9));

/** A processor whose clock stands where a test puts it. */
export class Scene {
  readonly #flow: Flow;
  readonly #clock: Clock;
  readonly #messages: Uint8Array[];
  readonly #stream: ReturnType<Flow['processor']['intake']['open']>;
  #seen = 0;

  private constructor(flow: Flow, clock: Clock, messages: Uint8Array[]) {
    this.#flow = flow;
    this.#clock = clock;
    this.#messages = messages;
    this.#stream = flow.processor.intake.open('traces');
  }

  static async open(sql: string, batches: readonly (readonly SpanSpec[])[], options: Partial<ProcessorOptions>): Promise<Scene> {
    const clock: Clock = { second: 0 };
    const seam = { ...realSeam({ hashKey: new Uint8Array(16) }), nowUnixNano: () => nanoOf(clock), monotonicMs: () => clock.second * 1000 };
    const flow = await openFlow({ seam, time: 'arrival', ...(await openPolicies([{ name: 'p', text: sql }])), ...options });
    return new Scene(flow, clock, spanMessages(batches));
  }

  get tally(): Flow['tally'] {
    return this.#flow.tally;
  }

  /** The next batch comes at a second. */
  async arrive(second: number): Promise<void> {
    this.#clock.second = second;
    const bytes = this.#messages.shift();
    if (bytes === undefined) throw new Error('no batch is left');
    expect((await this.#stream.accept({ bytes, compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
  }

  /** What has left since the last look, at a second: names and counts. */
  async at(second: number): Promise<string[]> {
    this.#clock.second = second;
    await this.#flow.processor.advance(nanoOf(this.#clock));
    const all = spansOf(this.#flow.sink.messages('traces'));
    const left = all.slice(this.#seen).map(({ name, count }) => `${name}${count === 1 ? '' : ` x${count}`}`);
    this.#seen = all.length;
    return left.sort();
  }

  /** From now on no window can be decided by its policies; early looks can. */
  breakEngine(): void {
    const run = Session.prototype.run;
    vi.spyOn(Session.prototype, 'run').mockImplementation(function failing(this: Session, sql: string) {
      return sql.startsWith('CREATE TABLE w') ? Promise.reject(new Error('Out of Memory Error')) : run.call(this, sql);
    });
  }

  close(): void {
    vi.restoreAllMocks();
    this.#flow.processor.close();
  }
}

export const root = (trace: number, name: string): SpanSpec => ({ trace, name, startMs: 1.7e12 });
export const child = (trace: number, name: string): SpanSpec => ({ ...root(trace, name), isChild: true });
