/**
 * Connected components of a graph over nodes 0 to `count` - 1: the smallest node of each node's component. `edges` holds two nodes an
 * edge. Union by smallest root with path halving (Tarjan and van Leeuwen, 1984): nearly linear in the edges.
 */
export function smallestOfComponent(count: number, edges: Uint32Array): Uint32Array {
  const parent = Uint32Array.from({ length: count }, (_, node) => node);
  const root = (node: number): number => {
    let at = node;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]];
      at = parent[at];
    }
    return at;
  };
  for (let i = 0; i + 1 < edges.length; i += 2) {
    const [a, b] = [root(edges[i]), root(edges[i + 1])];
    if (a < b) parent[b] = a;
    else parent[a] = b;
  }
  return parent.map((_, node) => root(node));
}
