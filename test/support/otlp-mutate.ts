import protobuf from 'protobufjs';
import type { Signal } from '../../src/otap/payload-type.ts';
import { varint } from './otlp-fields.ts';
import { type Below, requestType } from './otlp-wire.ts';

/** One field of a message as it lies on the wire; the body of a message that is known is its fields. */
export interface Node {
  id: number;
  wire: number;
  body: Uint8Array | Node[];
  /** Of the fields in `body`, or of a single message of the field's type. */
  type: protobuf.Type | null;
  /** The message that it is a field of. */
  within: protobuf.Type;
  /** Added to the length that it says it has, all lengths around it being right. */
  lie: number;
}

/** The request with `change` done to one of its fields, for each of them at any level; `where`: its message's name and its number. */
export function changedEverywhere(signal: Signal, bytes: Uint8Array, change: (field: Node) => void): { readonly where: string; readonly bytes: Uint8Array }[] {
  const count = places(fieldsOf(requestType(signal), bytes)).length;
  return Array.from({ length: count }, (_, number) => {
    const nodes = fieldsOf(requestType(signal), bytes);
    const { siblings, index } = places(nodes)[number];
    const node = siblings[index];
    const where = `${node.within.name}.${node.id}`;
    change(node);
    return { where, bytes: Buffer.concat(nodes.map(written)) };
  });
}

/** Whether a good request has a field of this number in a Resource. */
export function hasResourceField(signal: Signal, bytes: Uint8Array, id: number): boolean {
  return places(fieldsOf(requestType(signal), bytes, 2)).some(({ siblings, index }) => siblings[index].within.name === 'Resource' && siblings[index].id === id);
}

/** What was done to a request, for whoever looks at a case that failed. */
export interface Mutation {
  readonly bytes: Uint8Array;
  readonly done: readonly string[];
}

/**
 * Changes a request of this signal at the boundaries of its fields, at any depth, and writes it again with all lengths around the change put right, so
 * that what is wrong is reached: by one to three changes.
 */
export function mutateFields(signal: Signal, bytes: Uint8Array, below: Below): Mutation {
  const root = { nodes: fieldsOf(requestType(signal), bytes) };
  const done: string[] = [];
  for (let change = below(3); change >= 0; change--) {
    const place = pickPlace(root.nodes, below);
    if (place === null) break;
    const name = mutationNames[below(mutationNames.length)];
    const { siblings, index } = place;
    done.push(`${name} ${siblings[index].within.name}.${siblings[index].id}`);
    mutations[name](place, below);
  }
  return { bytes: Buffer.concat(root.nodes.map(written)), done };
}

/**
 * Whether some message of a request has a field twice of which there is one, or two members of a oneof: the last counts, or both are merged. Throws where
 * a message that counts is malformed.
 */
export function saysTwice(signal: Signal, bytes: Uint8Array): boolean {
  return isSaidTwice(requestType(signal), bytes);
}

function isSaidTwice(type: protobuf.Type, bytes: Uint8Array): boolean {
  const nodes = fieldsOf(type, bytes, 0);
  const seen = new Set<string>();
  const twice = nodes.some(({ id }) => {
    const field: protobuf.Field | undefined = type.fieldsById[id];
    if (field === undefined || field.repeated) return false;
    const name = field.partOf?.name ?? field.name;
    const again = seen.has(name);
    seen.add(name);
    return again;
  });
  return twice || nodes.some((node) => node.type !== null && isSaidTwice(node.type, bodyOf(node)));
}

interface Place {
  readonly siblings: Node[];
  readonly index: number;
}

type Mutate = (place: Place, below: Below) => void;

const rubbish = (below: Below, length: number): Uint8Array => Uint8Array.from({ length }, () => below(256));

function bodyOf({ body }: Node): Uint8Array {
  return body instanceof Uint8Array ? body : Buffer.concat(body.map(written));
}

const mutations: { readonly [name: string]: Mutate } = {
  rewire: ({ siblings, index }, below) => {
    siblings[index].wire = [0, 1, 2, 3, 4, 5, 6, 7][below(8)];
  },
  /** With bytes as its new wire type has them, so that nothing else is wrong. */
  retype: ({ siblings, index }, below) => {
    const node = siblings[index];
    node.wire = [0, 1, 2, 5][below(4)];
    node.body = node.wire === 0 ? varint(below(1000)) : rubbish(below, node.wire === 1 ? 8 : node.wire === 5 ? 4 : below(20));
  },
  renumber: ({ siblings, index }, below) => {
    siblings[index].id = [0, 1 + below(16), 1 + below(16), 1 + below(16), 2 ** 29 - 1, 2 ** 29][below(6)];
  },
  lie: ({ siblings, index }, below) => {
    siblings[index].lie = [1, -1, 7, 100, 2 ** 31, 2 ** 35][below(6)];
  },
  cut: ({ siblings, index }, below) => {
    const body = bodyOf(siblings[index]);
    siblings[index].body = body.subarray(0, below(body.length + 1));
  },
  extend: ({ siblings, index }, below) => {
    siblings[index].body = Buffer.concat([bodyOf(siblings[index]), rubbish(below, 1 + below(9))]);
  },
  fill: ({ siblings, index }, below) => {
    siblings[index].body = new Uint8Array(bodyOf(siblings[index]).length).fill([0, 0xff, 0x80, 0xc3, 0x0a, 0x12][below(6)]);
  },
  flip: ({ siblings, index }, below) => {
    const body = Uint8Array.from(bodyOf(siblings[index]));
    if (body.length > 0) body[below(body.length)] ^= 1 << below(8);
    siblings[index].body = body;
  },
  empty: ({ siblings, index }) => {
    siblings[index].body = new Uint8Array(0);
  },
  text: ({ siblings, index }, below) => {
    const texts = ['\u{1f980}', 'ÄÖ', 'plain', '\u0000'];
    siblings[index].body = Buffer.from(texts[below(texts.length)]);
  },
  split: ({ siblings, index }, below) => {
    const body = Buffer.from('ab\u{1f980}c');
    siblings[index].body = body.subarray(0, 2 + below(5));
  },
  remove: ({ siblings, index }) => {
    siblings.splice(index, 1);
  },
  repeat: ({ siblings, index }, below) => {
    for (let count = 1 + below(3); count > 0; count--) siblings.splice(index, 0, { ...siblings[index] });
  },
  swap: ({ siblings, index }, below) => {
    const other = below(siblings.length);
    [siblings[index], siblings[other]] = [siblings[other], siblings[index]];
  },
  group: ({ siblings, index }, below) => {
    const { within } = siblings[index];
    const tag = (wire: number): Node => ({ id: 20, wire, body: new Uint8Array(0), type: null, within, lie: 0 });
    siblings.splice(index, 0, ...(below(2) === 0 ? [tag(3), tag(4)] : [tag(3 + below(2))]));
  },
  insert: ({ siblings, index }, below) => {
    const { within } = siblings[index];
    siblings.splice(index, 0, { id: [3, 17, 40, 5000][below(4)], wire: 2, body: rubbish(below, below(200)), type: null, within, lie: 0 });
  },
  /** The field's message within itself, as deep as chance wants. */
  nest: ({ siblings, index }, below) => {
    const node = siblings[index];
    const depth = [1, 2, 31, 60, 64, 65, 90][below(7)];
    if (node.type === null) return;
    for (let level = 0; level < depth; level++) {
      const inner: Node = { ...node };
      const list: Node = { id: 1, wire: 2, body: [inner], type: node.type, within: node.within, lie: 0 };
      // Of an AnyValue: an array of it. Of others: their field 1, whatever that is.
      node.body = node.type.name === 'AnyValue' ? [{ id: 5, wire: 2, body: [{ ...list, body: bodyOf(inner) }], type: null, within: node.type, lie: 0 }] : [{ ...inner, id: 1 }];
    }
  },
};
const mutationNames = Object.keys(mutations);

function pickPlace(nodes: Node[], below: Below): Place | null {
  const all = places(nodes);
  return all.length === 0 ? null : all[below(all.length)];
}

function places(nodes: Node[]): Place[] {
  return nodes.flatMap((node, index) => [{ siblings: nodes, index }, ...(node.body instanceof Uint8Array ? [] : places(node.body))]);
}

/** The fields of a good message; those of the messages in it so many levels down. */
function fieldsOf(type: protobuf.Type, bytes: Uint8Array, levels = Infinity): Node[] {
  const reader = protobuf.Reader.create(bytes);
  const nodes: Node[] = [];
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const [id, wire] = [tag >>> 3, tag & 7];
    const field: protobuf.Field | undefined = type.fieldsById[id];
    const from = reader.pos;
    const common = { id, wire, within: type, lie: 0 };
    if (wire === 2) {
      const body = reader.bytes();
      const inner = field?.resolvedType instanceof protobuf.Type ? field.resolvedType : null;
      nodes.push({ ...common, type: inner, body: inner === null || levels === 0 ? body : fieldsOf(inner, body, levels - 1) });
    } else {
      reader.skipType(wire);
      nodes.push({ ...common, type: null, body: bytes.subarray(from, reader.pos) });
    }
  }
  return nodes;
}

function written(node: Node): Uint8Array {
  const body = bodyOf(node);
  const tag = varint(node.id * 8 + node.wire);
  return Buffer.concat(node.wire === 2 ? [tag, varint(Math.max(0, body.length + node.lie)), body] : [tag, body]);
}
