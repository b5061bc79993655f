import { present } from '../../base/assert.ts';
import type { OutputBatch } from '../../otap/take/output-batch.ts';
import { Binder, type BoundPart } from './bound.ts';
import { resourceParts, resourceUrl, scopeParts, scopeUrl, signalMessages, type SignalMessages } from './messages.ts';
import { childrenOf } from './children.ts';

/** A batch's columns as the messages of its signal, and its root rows in the order in which they are written. */
export interface BoundBatch {
  readonly names: SignalMessages;
  /** Root rows by resource, then by scope, else as they came. */
  readonly order: Uint32Array;
  readonly resourceOf: Uint32Array;
  readonly scopeOf: Uint32Array;
  readonly resource: readonly BoundPart[];
  readonly resourceUrl: BoundPart | null;
  readonly scope: readonly BoundPart[];
  readonly scopeUrl: BoundPart | null;
  readonly item: readonly BoundPart[];
}

/** Finds what each message's fields are in this batch. `batch` must have rows. */
export function bindBatch(batch: OutputBatch): BoundBatch {
  const names = signalMessages[batch.signal];
  const root = present(batch.tables.get(names.root), 'root table of a batch with rows');
  const binder = new Binder(batch);
  return {
    names,
    order: orderOf(batch),
    resourceOf: batch.resourceOf,
    scopeOf: batch.scopeOf,
    resource: binder.parts(root, resourceParts),
    resourceUrl: binder.part(root, resourceUrl),
    scope: binder.parts(root, scopeParts),
    scopeUrl: binder.part(root, scopeUrl),
    item: binder.parts(root, names.item),
  };
}

/** Two stable sorts: by scope, whose numbers are ranked by resource first. */
function orderOf({ resourceOfScope, scopeOf, rowCount }: OutputBatch): Uint32Array {
  const scopes = childrenOf(resourceOfScope, rowCount).rows;
  const rank = new Uint32Array(scopes.length);
  for (let index = 0; index < scopes.length; index++) rank[scopes[index]] = index;
  const ranks = new Uint32Array(rowCount);
  for (let row = 0; row < rowCount; row++) ranks[row] = rank[scopeOf[row]];
  return childrenOf(ranks, scopes.length).rows;
}
