import type { IdColumn, OtapBatch, PayloadTable } from '../batch.ts';
import { AttributeSets, EntityScratch, idAt, internEntity, type OpenSets } from './attribute-sets.ts';
import type { TableBuilder } from './table-builder.ts';
import { grown, ValuePool } from './value-pool.ts';

/** Resource and scope of the root rows of an output batch. Equal ones of different source batches are one. */
export class EntityIndex {
  readonly #root: TableBuilder;
  readonly #resourceAttributes: AttributeSets;
  readonly #scopeAttributes: AttributeSets;
  #resources = new ValuePool(false);
  #scopes = new ValuePool(false);
  readonly #scratch = new EntityScratch();
  #resourceOf = new Uint32Array(0);
  #scopeOf = new Uint32Array(0);
  #resourceOfScope = new Uint32Array(0);

  constructor(root: TableBuilder, resourceAttributes: TableBuilder, scopeAttributes: TableBuilder) {
    this.#root = root;
    this.#resourceAttributes = new AttributeSets(resourceAttributes);
    this.#scopeAttributes = new AttributeSets(scopeAttributes);
  }

  /** Finds resource and scope of root rows [base, base + count), which were gathered from rows[0, count) of the batch. */
  append(batch: OtapBatch, source: PayloadTable, rows: Uint32Array, count: number, base: number): void {
    this.#reserve(base + count);
    const fields = this.#fields(source);
    const resourceAttributes = this.#resourceAttributes.open(batch, fields.resourceIds, rows, count);
    const scopeAttributes = this.#scopeAttributes.open(batch, fields.scopeIds, rows, count);
    const known = new Map<string, number>();
    const current = new Int32Array(8);
    const previous = new Int32Array(8).fill(-2);
    for (let index = 0; index < count; index++) {
      const row = base + index;
      fields.read(rows[index], row, current);
      if (!equal(current, previous)) {
        previous.set(current);
        const key = current.join();
        let scope = known.get(key);
        if (scope === undefined) known.set(key, (scope = this.#intern(current, resourceAttributes, scopeAttributes)));
        this.#scopeOf[row] = scope;
      } else this.#scopeOf[row] = this.#scopeOf[row - 1];
      this.#resourceOf[row] = this.#resourceOfScope[this.#scopeOf[row]];
    }
  }

  /** How many resources and scopes there are, for `truncate`. */
  get sizes(): { readonly resources: number; readonly scopes: number } {
    return { resources: this.#resources.size, scopes: this.#scopes.size };
  }

  /** Takes back resources and scopes that came since `sizes` was read. */
  truncate(sizes: { readonly resources: number; readonly scopes: number }): void {
    this.#resources.truncate(sizes.resources);
    this.#scopes.truncate(sizes.scopes);
  }

  build(rowCount: number): { resourceOf: Uint32Array; scopeOf: Uint32Array; resourceOfScope: Uint32Array } {
    const built = {
      resourceOf: this.#resourceOf.subarray(0, rowCount),
      scopeOf: this.#scopeOf.subarray(0, rowCount),
      resourceOfScope: this.#resourceOfScope.subarray(0, this.#scopes.size),
    };
    this.#resourceOf = new Uint32Array(this.#resourceOf.length);
    this.#scopeOf = new Uint32Array(this.#scopeOf.length);
    this.#resourceOfScope = new Uint32Array(16);
    this.#resources = new ValuePool(false);
    this.#scopes = new ValuePool(false);
    return built;
  }

  /** Scope number for one combination of fields (the order of `#fields`). */
  #intern(fields: Int32Array, resourceAttributes: OpenSets, scopeAttributes: OpenSets): number {
    const [resourceId, scopeId, resourceUrl, resourceDropped, scopeName, scopeVersion, scopeDropped, schemaUrl] = fields;
    const scratch = this.#scratch;
    scratch.words.set([resourceUrl, resourceDropped]);
    const resource = internEntity(this.#resources, scratch, 2, resourceAttributes, resourceId);
    scratch.words.set([resource, scopeName, scopeVersion, scopeDropped, schemaUrl]);
    const scope = internEntity(this.#scopes, scratch, 5, scopeAttributes, scopeId);
    if (scope >= this.#resourceOfScope.length) this.#resourceOfScope = grown(this.#resourceOfScope, scope + 1);
    this.#resourceOfScope[scope] = resource;
    return scope;
  }

  #fields(source: PayloadTable): { resourceIds: IdColumn | null; scopeIds: IdColumn | null; read(from: number, to: number, target: Int32Array): void } {
    const root = this.#root;
    const resourceIds = source.ids('resource.id');
    const scopeIds = source.ids('scope.id');
    const resourceUrl = root.pool('resource.schema_url');
    const resourceDropped = root.raw('resource.dropped_attributes_count');
    const name = root.pool('scope.name');
    const version = root.pool('scope.version');
    const scopeDropped = root.raw('scope.dropped_attributes_count');
    const schemaUrl = root.pool('schema_url');
    const read = (from: number, to: number, target: Int32Array): void => {
      target[0] = idAt(resourceIds, from);
      target[1] = idAt(scopeIds, from);
      target[2] = resourceUrl.textCode(to);
      target[3] = resourceDropped.word(to);
      target[4] = name.textCode(to);
      target[5] = version.textCode(to);
      target[6] = scopeDropped.word(to);
      target[7] = schemaUrl.textCode(to);
    };
    return { resourceIds, scopeIds, read };
  }

  #reserve(rowCount: number): void {
    if (rowCount > this.#resourceOf.length) this.#resourceOf = grown(this.#resourceOf, rowCount);
    if (rowCount > this.#scopeOf.length) this.#scopeOf = grown(this.#scopeOf, rowCount);
  }
}

function equal(left: Int32Array, right: Int32Array): boolean {
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false;
  return true;
}

