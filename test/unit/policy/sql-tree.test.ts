import { expect, test } from 'vitest';
import { parseTree, printTree, visitNodes } from '../../../src/policy/compile/sql-tree.ts';

test('what a tree says is what it is printed as, numbers beyond 2^53 or written in another way and tricky strings too', () => {
  const json = '{"a":18446744073709551615,"b":-9223372036854775808,"c":9007199254740991,"d":0.1,"e":"18446744073709551615",'
    + '"f":"{\\"$number\\":\\"18446744073709551615\\"}","g":[null,true,"\\\\\\"",{}],"h":1e22,"i":1000.0,"j":-0.5,"k":1e400}';
  expect(printTree(parseTree(json))).toBe(json);
});

test('parents are visited before children, with the way up', () => {
  const seen: string[] = [];
  visitNodes({ name: 'a', list: [{ name: 'b', child: { name: 'c' } }] }, (node, ancestors) => {
    seen.push(`${String(node['name'])}<${String(ancestors?.node['name'] ?? '')}`);
  });
  expect(seen).toEqual(['a<', 'b<a', 'c<b']);
});
