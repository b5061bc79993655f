import type { BufferSource } from '../../otap/ipc/buffer-source.ts';
import { malformedProtobuf } from '../../otap/proto/wire-reader.ts';
import { actions, type MessageShape } from '../message-shape.ts';
import { checkReplaced, checkRows } from './check-values.ts';
import { checkCount, type OtlpLimits } from './limits.ts';
import { int32Memory, Ranges } from './ranges.ts';
import { lengthAt, pastVarint, tagAt } from './varint.ts';

/** The bytes of a request, and where memory for what is read of them comes from. */
export interface RequestBytes {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly source: BufferSource;
  readonly limits: OtlpLimits;
  /** Keys the hash tables of texts against input that is made to collide. */
  readonly hashSeed: number;
  /** Every value is checked on the way, not only when its column is read. */
  readonly isChecked: boolean;
}

/** Messages of one shape as rows: where the value of each field begins. */
export interface MessageRows {
  readonly request: RequestBytes;
  readonly shape: MessageShape;
  readonly count: number;
  /** positions[row * shape.slotCount + slot]: of a value (of its length, where it has one), 0 where the field does not occur. */
  readonly positions: Int32Array;
  /** Bit i: some row has the field of slot i. */
  readonly seen: number;
  /** Occurrences of repeated fields, by row. */
  readonly lists: readonly Ranges[];
}

/**
 * Walks the messages in `ranges` once, each by itself a row; with `rowCount`, messages of one owner are one row, as protobuf merges them: of
 * a singular field the last counts, repeated ones are joined. Nothing is read but tags and lengths, and all of these are checked.
 * Throws INVALID_ARGUMENT: malformed_protobuf (lengths, varints, groups, a known field in another wire type), over_limit; where values are checked,
 * invalid_utf8, invalid_id and nested_too_deep.
 */
export function walk(request: RequestBytes, shape: MessageShape, ranges: Ranges, rowCount: number | null = null): MessageRows {
  const { bytes, source, limits } = request;
  const { starts, ends, owners } = ranges;
  const { slotCount, actions: actionOf } = shape;
  const count = rowCount ?? ranges.count;
  checkCount(shape.name, count, limits.rowsMax);
  const positions = int32Memory(source, count * slotCount).fill(0);
  const lists: Ranges[] = [];
  for (const name of shape.listNames) lists.push(new Ranges(name, source, limits.occurrencesMax, ranges.count));
  let seen = 0;
  for (let index = 0; index < ranges.count; index++) {
    const row = rowCount === null ? index : owners[index];
    const base = row * slotCount - actions.slot;
    const end = ends[index];
    for (let at = starts[index]; at < end; ) {
      let tag = bytes[at];
      if (tag >= 8 && tag < 0x80) at++;
      else {
        tag = tagAt(bytes, at);
        at = pastVarint(bytes, at, end);
      }
      const action = tag >>> 0 < actionOf.length ? actionOf[tag] : actions.skip;
      const value = at;
      let start = at;
      switch (tag & 7) {
        case 0:
          at = bytes[at] < 0x80 ? at + 1 : pastVarint(bytes, at, end);
          break;
        case 1:
          at += 8;
          break;
        case 2: {
          let length = bytes[at];
          if (length < 0x80) start = at + 1;
          else {
            start = pastVarint(bytes, at, end);
            length = lengthAt(bytes, at);
          }
          if (length > end - start) throw malformedProtobuf(`${shape.name}: field ${tag >>> 3} of ${length} bytes, where ${end - start} are left`, value);
          at = start + length;
          break;
        }
        case 5:
          at += 4;
          break;
        default:
          throw malformedProtobuf(`${shape.name}: wire type ${tag & 7}`, at);
      }
      if (at > end) throw malformedProtobuf(`${shape.name}: field ${tag >>> 3} ends behind its message`, value);
      if (action === actions.skip) continue;
      if (action < actions.list) {
        if (positions[base + action] !== 0) checkReplaced(request, shape, action - actions.slot, positions[base + action]);
        positions[base + action] = value;
        seen |= 1 << (action - actions.slot);
      } else if (action < actions.element) lists[action - actions.list].push(start, at, row);
      else if (action < actions.refuse) lists[action - actions.element].push(value, at, row);
      else throw malformedProtobuf(`${shape.name}: field ${tag >>> 3} has wire type ${tag & 7}`, value);
    }
  }
  const rows = { request, shape, count, positions, seen, lists };
  if (request.isChecked) checkRows(rows);
  return rows;
}

/** The whole of a request's bytes, as the one message of its kind. */
export function wholeRequest({ bytes, source }: RequestBytes): Ranges {
  const whole = new Ranges('requests', source, 1);
  whole.push(0, bytes.length, 0);
  return whole;
}
