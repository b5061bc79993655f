import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageFile } from '../../src/base/package-paths.ts';
import { Child } from '../support/child.ts';

/** What a scenario sets of the configuration. */
export interface SoakConfig {
  readonly durability: 'none' | 'fsync';
  readonly memoryLimit: string;
  readonly storageLimit?: string;
  readonly queue?: string;
  readonly windowLength: string;
  readonly decisionWait: string;
  readonly hopPort: number;
}

/** A look at the process: seconds since it started, MiB of RSS. */
export interface Look {
  readonly second: number;
  readonly rssMiB: number;
  readonly storageMiB: number;
  readonly waiting: number;
}

/** The real program, which is looked at each second. */
export class Thresher {
  readonly looks: Look[] = [];
  readonly directory = mkdtempSync(join(tmpdir(), 'thresher-soak-'));
  readonly #startMs = performance.now();
  #child: Child | null = null;
  #timer: NodeJS.Timeout | null = null;
  #http = '';
  port = 0;

  async start(config: SoakConfig): Promise<void> {
    const path = join(this.directory, 'thresher.yaml');
    writeFileSync(join(this.directory, 'half.sql'), 'SELECT trace_id, 0.5 AS probability FROM traces');
    mkdirSync(join(this.directory, 'data'), { recursive: true });
    writeFileSync(path, JSON.stringify({
      receivers: { otlp: { grpc: { endpoint: '127.0.0.1:0' }, http: { endpoint: '127.0.0.1:0' } } }, http: { endpoint: '127.0.0.1:0' }, logs: { format: 'json' },
      windows: { traces: { length: config.windowLength, decision_wait: config.decisionWait } }, policies: [join(this.directory, 'half.sql')], memory: { limit: config.memoryLimit },
      durability: config.durability, storage: { directory: join(this.directory, 'data'), ...(config.storageLimit === undefined ? {} : { limit: config.storageLimit }) },
      exporters: { otlphttp: { endpoint: `http://127.0.0.1:${config.hopPort}`, compression: 'none', ...(config.queue === undefined ? {} : { sending_queue: { size_bytes: config.queue } }) } },
    }));
    this.#child = new Child('thresher', process.execPath, [packageFile('src/main.ts'), 'run', '--config', path]);
    await this.#child.says('"reason":"started"');
    this.port = Number(/"otlp_http":"127\.0\.0\.1:(\d+)"/.exec(this.#child.said)?.[1]);
    this.#http = /"http":"(127\.0\.0\.1:\d+)"/.exec(this.#child.said)?.[1] ?? '';
    this.#timer = setInterval(() => void this.#look(), 1000);
  }

  get said(): string {
    return this.#child?.said ?? '';
  }

  /** Sum over all series of a metric whose labels hold `having`. */
  async metric(name: string, having = ''): Promise<number> {
    const text = await (await fetch(`http://${this.#http}/metrics`)).text();
    return text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `)).filter((line) => line.includes(having)).reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  async stop(): Promise<unknown> {
    if (this.#timer !== null) clearInterval(this.#timer);
    const code = await this.#child?.stop(300_000);
    rmSync(this.directory, { recursive: true, force: true });
    return code;
  }

  /** Greatest RSS of the looks from one second to another, MiB. */
  rssMax(from = 0, to = Infinity): number {
    return Math.max(0, ...this.looks.filter(({ second }) => second >= from && second < to).map(({ rssMiB }) => rssMiB));
  }

  get second(): number {
    return Math.round((performance.now() - this.#startMs) / 1000);
  }

  async #look(): Promise<void> {
    const pid = this.#child?.pid ?? 0;
    try {
      const rss = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
      const [storage, waiting] = [await this.metric('thresher_storage_bytes'), await this.metric('thresher_export_waiting_windows')];
      this.looks.push({ second: this.second, rssMiB: Math.round(rss / 1024), storageMiB: Math.round(storage / 2 ** 20), waiting });
    } catch {
      // It has ended, or has too much to do to answer.
    }
  }
}
