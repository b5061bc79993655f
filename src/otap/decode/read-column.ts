import type { Column, DictionaryColumn, DictionaryView, ListColumn } from '../column.ts';
import type { RecordBody } from '../ipc/record-batch.ts';
import type { ColumnPlan } from '../ipc/schema-plan.ts';
import { asU16, asU32 } from '../ipc/typed.ts';
import { malformedIpc } from '../ipc/errors.ts';
import { isValid } from './bits.ts';
import { invalidValues } from './errors.ts';
import { readOffsets, readPlain, readValidity } from './read-plain.ts';

/**
 * Reads one leaf column of a record batch. A row whose struct is null is null.
 * Throws INVALID_ARGUMENT: malformed_ipc, invalid_values (dictionary codes), what decompression throws.
 */
export function readColumn(body: RecordBody, plan: ColumnPlan, dictionaries: readonly DictionaryView[]): Column {
  const validity = combinedValidity(body, plan);
  if (plan.dictionary !== null) return readCodes(body, plan, validity, dictionaries[plan.dictionary.slot]);
  if (plan.element !== null) return readList(body, plan, validity);
  return readPlain(body, plan.type, plan, validity);
}

/** Valid where the field and all structs around it are. */
function combinedValidity(body: RecordBody, plan: ColumnPlan): Uint8Array | null {
  let combined = readValidity(body, plan);
  for (const struct of plan.structs) {
    const outer = readValidity(body, struct);
    if (outer !== null) combined = combined === null ? outer : both(combined, outer, (body.rowCount + 7) >>> 3);
  }
  return combined;
}

function both(left: Uint8Array, right: Uint8Array, bytes: number): Uint8Array {
  const combined = new Uint8Array(bytes);
  for (let index = 0; index < bytes; index++) combined[index] = left[index] & right[index];
  return combined;
}

function readCodes(body: RecordBody, plan: ColumnPlan, validity: Uint8Array | null, dictionary: DictionaryView): DictionaryColumn {
  const length = body.rowCount;
  const width = plan.dictionary === null ? 1 : plan.dictionary.indexBytes;
  const bytes = body.buffer(plan.buffer + 1, length * width);
  const codes = width === 1 ? bytes.subarray(0, length) : width === 2 ? asU16(bytes, length) : asU32(bytes, length);
  if (!body.isChecked) checkCodes(codes, validity, dictionary.size, plan.path);
  return { kind: 'dictionary', type: plan.type, length, validity, codes, dictionary };
}

/** Codes under a null may be anything. */
function checkCodes(codes: DictionaryColumn['codes'], validity: Uint8Array | null, size: number, path: string): void {
  if (size >= 2 ** (codes.BYTES_PER_ELEMENT * 8) || greatestCode(codes) < size) return;
  for (let row = 0; row < codes.length; row++) {
    if (isValid(validity, row) && codes[row] >= size) throw invalidValues(`column ${path}, row ${row}: code ${codes[row]} in a dictionary of ${size}`);
  }
}

/** The greatest of the codes, -1 of none. One loop for each width: V8 is several times slower on a loop that meets more than one. */
function greatestCode(codes: DictionaryColumn['codes']): number {
  if (codes instanceof Uint8Array) return greatestU8(codes);
  return codes instanceof Uint16Array ? greatestU16(codes) : greatestU32(codes);
}

function greatestU8(codes: Uint8Array): number {
  let greatest = -1;
  for (let row = 0; row < codes.length; row++) if (codes[row] > greatest) greatest = codes[row];
  return greatest;
}

function greatestU16(codes: Uint16Array): number {
  let greatest = -1;
  for (let row = 0; row < codes.length; row++) if (codes[row] > greatest) greatest = codes[row];
  return greatest;
}

function greatestU32(codes: Uint32Array): number {
  let greatest = -1;
  for (let row = 0; row < codes.length; row++) if (codes[row] > greatest) greatest = codes[row];
  return greatest;
}

function readList(body: RecordBody, plan: ColumnPlan, validity: Uint8Array | null): ListColumn {
  const { element, children } = plan;
  if (element === null) throw malformedIpc(`column ${plan.path} is no list`);
  const length = body.rowCount;
  const elementCount = body.length(element.node);
  const offsets = readOffsets(body, plan.buffer + 1, length, elementCount);
  const type = plan.type === 'list_u64' ? 'u64' : 'f64';
  const columns = children.map((child) => {
    if (body.length(child.node) !== elementCount) throw malformedIpc(`column ${plan.path}: struct and its fields differ in length`);
    return readPlain(body, type, child, readValidity(body, child));
  });
  return { kind: 'list', type: plan.type, length, validity, offsets, children: columns };
}
