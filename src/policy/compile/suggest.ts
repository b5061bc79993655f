/** Levenshtein distance, case ignored. */
export function editDistance(a: string, b: string): number {
  const left = a.toLowerCase();
  const right = b.toLowerCase();
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const current = [i];
    for (let j = 1; j <= right.length; j++) {
      const substitute = previous[j - 1] + (left[i - 1] === right[j - 1] ? 0 : 1);
      current.push(Math.min(substitute, previous[j] + 1, current[j - 1] + 1));
    }
    previous = current;
  }
  return previous[right.length];
}

/** `did you mean X?` for the nearest of `candidates` other than itself when it is near enough to be meant, else null. */
export function suggestion(name: string, candidates: Iterable<string>): string | null {
  let best: { readonly name: string; readonly distance: number } | null = null;
  for (const candidate of candidates) {
    if (candidate === name) continue;
    const distance = editDistance(name, candidate);
    if (best === null || distance < best.distance) best = { name: candidate, distance };
  }
  const far = Math.max(2, Math.floor(name.length / 3));
  return best !== null && best.distance <= far ? `did you mean ${best.name}?` : null;
}
