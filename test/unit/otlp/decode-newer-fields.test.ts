import { expect, test } from 'vitest';
import { decodeOtlp } from '../../../src/otlp/decode/decode-otlp.ts';
import { field } from '../../support/otlp-fields.ts';
import { coded } from '../../support/read-everything.ts';

/*
 * Scenario: fields that we skip and others read: entity_refs of a resource, the indices into a table of strings that profiles have in KeyValue and AnyValue.
 * Guarantees: as they should be they are taken; in another wire type, or with texts that are none, the check refuses them, for the Collector would
 * refuse every request that they are spliced into.
 */
const text = (some: string): Uint8Array => Buffer.from(some);
const resource = (...fields: readonly (Uint8Array | readonly number[])[]): Uint8Array => field(1, field(1, ...fields), field(2, field(2)));
const attribute = (...fields: readonly (Uint8Array | readonly number[])[]): Uint8Array => field(1, field(2, field(2, field(9, ...fields))));
const entity = (...fields: readonly Uint8Array[]): Uint8Array => field(3, field(1, text('url')), field(2, text('service')), ...fields);

const taken: readonly (readonly [string, Uint8Array])[] = [
  ['an entity', resource(entity(field(3, text('service.name')), field(4, text('service.version'))))],
  ['an entity without anything', resource(field(3))],
  ['an index of a key', attribute([0x18, 5])],
  ['an index of a value', attribute(field(2, [0x40, 5]))],
];
const refused: readonly (readonly [string, string, Uint8Array])[] = [
  ['an entity that is a number', 'malformed_protobuf', resource([0x18, 1])],
  ['an entity whose type is a number', 'malformed_protobuf', resource(field(3, [0x10, 1]))],
  ['an entity cut off', 'malformed_protobuf', resource(field(3, [0x0a, 5, 1]))],
  ['a type that is no UTF-8', 'invalid_utf8', resource(field(3, field(2, [0xff])))],
  ['a key that is no UTF-8', 'invalid_utf8', resource(field(3, field(4, [0xff])))],
  ['an index of a key that is text', 'malformed_protobuf', attribute(field(3, text('x')))],
  ['an index of a value that is text', 'malformed_protobuf', attribute(field(2, field(1, text('v')), field(8, text('x'))))],
];

test.each(taken)('%s is taken', (_, bytes) => {
  expect(coded(() => decodeOtlp('traces', bytes, { isChecked: true }))).toBeNull();
});

test.each(refused)('%s is %s', (_, reason, bytes) => {
  expect(coded(() => decodeOtlp('traces', bytes, { isChecked: true }))?.reason).toBe(reason);
});
