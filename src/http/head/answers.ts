import { createHash } from 'node:crypto';
import type { HeadUpdate } from '../../head/controller.ts';
import { type Strategy, strategyJson, strategyProtobuf } from '../../head/strategy.ts';

/** Headers of all that is answered over HTTP. */
export const commonHeaders = { 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' } as const;

/** An answer as it goes on the wire, written when it is first asked for. */
export class Answer {
  readonly strategy: Strategy;
  #json: string | null = null;
  #body: Buffer | null = null;
  #headers: Readonly<Record<string, string | number>> | null = null;
  #etag: string | null = null;
  #protobuf: Uint8Array | null = null;

  constructor(strategy: Strategy) {
    this.strategy = strategy;
  }

  get json(): string {
    this.#json ??= strategyJson(this.strategy);
    return this.#json;
  }

  /** The JSON in UTF-8. */
  get body(): Buffer {
    this.#body ??= Buffer.from(this.json);
    return this.#body;
  }

  /** Headers of an answer with this body. */
  get headers(): Readonly<Record<string, string | number>> {
    this.#headers ??= { ...commonHeaders, 'content-type': 'application/json; charset=utf-8', 'content-length': this.body.length, 'etag': this.etag, 'thresher-head-reason': this.reason };
    return this.#headers;
  }

  get etag(): string {
    this.#etag ??= `"${createHash('sha256').update(this.json).digest('base64url').slice(0, 16)}"`;
    return this.#etag;
  }

  get protobuf(): Uint8Array {
    this.#protobuf ??= strategyProtobuf(this.strategy);
    return this.#protobuf;
  }

  /** The reason as a header takes it. */
  get reason(): string {
    return this.strategy.reason.replaceAll(/[^ -~]/g, '?');
  }
}

/** What each service is told, as the last updates have it. */
export class Answers {
  readonly #byService = new Map<string, Answer>();
  #default: Answer;

  constructor(defaultRate: number) {
    this.#default = defaultAnswer(defaultRate);
  }

  apply({ defaultRate, strategies, removed }: HeadUpdate): void {
    if (this.#default.strategy.rate !== defaultRate) this.#default = defaultAnswer(defaultRate);
    for (const strategy of strategies) this.#byService.set(strategy.service, new Answer(strategy));
    for (const service of removed) this.#byService.delete(service);
  }

  /** What a service is told; one that nobody knows gets the default. */
  of(name: string, otherwise: string | null = null): Answer {
    return this.#byService.get(name) ?? (otherwise === null ? undefined : this.#byService.get(otherwise)) ?? this.#default;
  }

  get strategies(): readonly Strategy[] {
    return [...this.#byService.values()].map(({ strategy }) => strategy);
  }

  get defaultRate(): number {
    return this.#default.strategy.rate;
  }
}

function defaultAnswer(rate: number): Answer {
  return new Answer({ service: '', rate, reason: 'default_rate: nothing came of it yet', changedNano: 0n, operations: [] });
}
