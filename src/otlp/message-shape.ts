/** Wire types by the kinds of values that OTLP's fields have. */
export const wires = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

export type Wire = keyof typeof wires;

/** What the bytes of a singular field are: text, an id of so many bytes, or an AnyValue. */
export type BytesKind = 'text' | 8 | 16 | 'value';

/** What a walk does with a tag. Slots are `slot` and up, lists `list` and up, single elements of packed lists `element` and up. */
export const actions = { skip: 0, slot: 1, list: 64, element: 128, refuse: 255 } as const;

/** Tags up to field 31, all that OTLP has. */
const tagsMax = 256;

/**
 * The fields of a message that are read, by field number. A singular field has a slot, which holds where its value begins; of a repeated one each
 * occurrence is listed.
 */
export interface MessageShape<S extends string = string, L extends string = string> {
  readonly name: string;
  readonly slots: { readonly [name in S]: number };
  readonly slotCount: number;
  readonly lists: { readonly [name in L]: number };
  /** With the name of the message, for errors. */
  readonly listNames: readonly string[];
  /** Slots of texts, of values, and of ids with their width. */
  readonly textSlots: readonly number[];
  readonly valueSlots: readonly number[];
  readonly idSlots: readonly (readonly [name: string, slot: number, width: 8 | 16])[];
  /** The action for each tag (field * 8 + wire type) below 256. A known field in another wire type is refused. */
  readonly actions: Uint8Array;
}

/** A repeated field: messages, or packed numbers that may also come one by one in their own wire type. */
export interface ListField {
  readonly field: number;
  readonly packed: Wire | null;
}

/** A singular field: its number, its wire type, and where that is bytes what they are, text if it does not say. */
export type SlotField = readonly [field: number, wire: Wire] | readonly [field: number, wire: 'bytes', kind: BytesKind];

/** A shape; slots are numbered in the order given. */
export function messageShape<S extends string, L extends string>(
  name: string,
  slots: { readonly [name in S]: SlotField },
  lists: { readonly [name in L]: ListField },
): MessageShape<S, L> {
  const table = new Uint8Array(tagsMax);
  const slotNames = Object.keys(slots) as S[];
  const listNames = Object.keys(lists) as L[];
  slotNames.forEach((slot, index) => {
    const [field, wire] = slots[slot];
    table.fill(actions.refuse, field * 8, field * 8 + 8);
    table[field * 8 + wires[wire]] = actions.slot + index;
  });
  listNames.forEach((list, index) => {
    const { field, packed } = lists[list];
    table.fill(actions.refuse, field * 8, field * 8 + 8);
    table[field * 8 + wires.bytes] = actions.list + index;
    if (packed !== null) table[field * 8 + wires[packed]] = actions.element + index;
  });
  const slotsOf = (kind: BytesKind): readonly number[] => slotNames.flatMap((slot, index) => (kindOf(slots[slot]) === kind ? [index] : []));
  return {
    name, slots: numbered(slotNames), slotCount: slotNames.length, textSlots: slotsOf('text'), valueSlots: slotsOf('value'),
    idSlots: slotNames.flatMap((slot, index) => idSlot(slot, index, kindOf(slots[slot]))), lists: numbered(listNames), listNames: listNames.map((list) => `${name}.${list}`), actions: table,
  };
}

function kindOf([, wire, kind]: SlotField): BytesKind | null {
  return kind ?? (wire === 'bytes' ? 'text' : null);
}

function idSlot(name: string, slot: number, kind: BytesKind | null): readonly (readonly [string, number, 8 | 16])[] {
  return kind === 8 || kind === 16 ? [[name, slot, kind]] : [];
}

function numbered<K extends string>(names: readonly K[]): { readonly [name in K]: number } {
  const entries = names.map((name, index) => [name, index] as const);
  return Object.fromEntries(entries) as { [name in K]: number };
}
