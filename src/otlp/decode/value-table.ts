import type { Column } from '../../otap/column.ts';
import type { PayloadInfo } from '../../otap/payload-type.ts';
import { AnyValues } from './any-values.ts';
import { LazyTable } from './lazy-table.ts';
import type { RequestBytes } from './walk.ts';

const paths: readonly string[] = ['type', 'str', 'int', 'double', 'bool', 'bytes', 'ser'];

/** Values of some attributes, mostly of one key: texts are told apart by their bytes, so that each is made a string once. */
export class ValueTable extends LazyTable {
  readonly paths = paths;
  readonly #request: RequestBytes;
  readonly #positions: Int32Array;
  #values: AnyValues | null = null;

  /** `positions`: where each AnyValue begins, with its length; 0 for none. */
  constructor(info: PayloadInfo, request: RequestBytes, positions: Int32Array) {
    super(info, positions.length);
    this.#request = request;
    this.#positions = positions;
  }

  override ids(): null {
    return null;
  }

  protected override read(path: string): Column | null {
    const values = (this.#values ??= new AnyValues(this.#request, this.#positions, 1, 0, this.rowCount));
    return path === 'str' ? values.texts() : values.column(path);
  }

  protected override forget(): void {
    this.#values = null;
  }
}
