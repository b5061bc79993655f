import type { DictionaryView } from '../column.ts';
import { readDictionaryBatch } from '../ipc/dictionary-batch.ts';
import { malformedIpc } from '../ipc/errors.ts';
import { messageBytes, type IpcMessage } from '../ipc/message.ts';
import type { SchemaPlan } from '../ipc/schema-plan.ts';
import type { PayloadInfo } from '../payload-type.ts';
import { ArrowDictionaryStore } from './dictionary-store.ts';
import { brokenRule } from './errors.ts';
import type { PayloadLayout } from './layout.ts';
import type { DecodeLimits } from './limits.ts';
import type { PayloadState } from './stream-state.ts';

/** The Arrow IPC stream of one payload type, from its Schema message on: its plan and its dictionaries. */
export class PayloadStream implements PayloadState {
  readonly info: PayloadInfo;
  readonly schemaId: string;
  readonly plan: SchemaPlan;
  /** Bytes of dictionaries as their sender declares them; what limits count. */
  declaredBytes = 0;
  /** Heap of the layouts made since `takeOwnBytes` was last called. */
  #ownBytes = 0;
  readonly #stores: (ArrowDictionaryStore | null)[];
  readonly #views: (DictionaryView | null)[];
  #layout: PayloadLayout | null = null;

  constructor(info: PayloadInfo, schemaId: string, plan: SchemaPlan) {
    this.info = info;
    this.schemaId = schemaId;
    this.plan = plan;
    this.#stores = plan.dictionaries.map(() => null);
    this.#views = plan.dictionaries.map(() => null);
  }

  /** One for each of `plan.dictionaries`, null where none has come yet. */
  get stores(): readonly (ArrowDictionaryStore | null)[] {
    return this.#stores;
  }

  get schemaMessage(): Uint8Array {
    return this.plan.message;
  }

  get byteLength(): number {
    let bytes = this.plan.byteLength;
    for (const store of this.#stores) bytes += store?.byteLength ?? 0;
    return bytes;
  }

  /**
   * Takes a dictionary batch in; `bytesLeft` is what the stream may still add.
   * Throws INVALID_ARGUMENT: malformed_ipc, over_limit, delta_without_dictionary.
   */
  addDictionary(message: IpcMessage, limits: DecodeLimits, bytesLeft: number): void {
    const batch = readDictionaryBatch(message);
    const slot = this.plan.dictionaries.findIndex(({ id }) => id === batch.id);
    if (slot === -1) {
      if (this.plan.ignoredDictionaryIds.has(batch.id)) return;
      throw malformedIpc(`dictionary ${batch.id} is not in the schema`);
    }
    const known = this.#stores[slot];
    if (batch.isDelta && known === null) throw brokenRule('delta_without_dictionary', `delta of dictionary ${batch.id}, which has not come`);
    const store = batch.isDelta && known !== null ? known : new ArrowDictionaryStore(this.plan.dictionaries[slot].type);
    const before = known?.declaredBytes ?? 0;
    store.append(batch, messageBytes(message), limits.dictionaryEntriesMax, bytesLeft + (store === known ? 0 : before));
    this.declaredBytes += store.declaredBytes - before;
    this.#stores[slot] = store;
    this.#views[slot] = null;
    this.#layout = null;
  }

  /** The layout of a record batch that comes now; the same object until a dictionary changes. */
  layout(): PayloadLayout {
    if (this.#layout !== null) return this.#layout;
    this.#layout = { info: this.info, plan: this.plan, dictionaries: this.#stores.map((store, slot) => this.#view(store, slot)) };
    this.#ownBytes += 48 + this.#views.length * 8;
    return this.#layout;
  }

  /** Heap of the layouts made since the last call. */
  takeOwnBytes(): number {
    const bytes = this.#ownBytes;
    this.#ownBytes = 0;
    return bytes;
  }

  #view(store: ArrowDictionaryStore | null, slot: number): DictionaryView {
    const known = this.#views[slot];
    if (known !== null) return known;
    const view = { store: store ?? new ArrowDictionaryStore(this.plan.dictionaries[slot].type), size: store?.size ?? 0 };
    this.#views[slot] = view;
    this.#ownBytes += 32;
    return view;
  }
}
