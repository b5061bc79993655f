import type { DurableFlow } from './durable-flow.ts';
import { FakeDisk } from './fake-disk.ts';

/** Processes over one disk, one after the other. */
export class DurableWorld {
  disk = new FakeDisk(1);
  atMs = 0;
  flow: DurableFlow | null = null;

  get running(): DurableFlow {
    if (this.flow === null) throw new Error('no process runs');
    return this.flow;
  }

  async later(ms: number): Promise<void> {
    this.atMs += ms;
    this.running.seam.advanceMs(ms);
    await this.running.processor.advance(this.running.seam.nowUnixNano());
    await new Promise((resolve) => setImmediate(resolve));
  }

  kill(): void {
    this.flow?.processor.close();
    this.flow = null;
    this.disk = this.disk.restart('kill');
  }
}
