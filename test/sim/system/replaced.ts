/** Puts another method in the place of one, for all objects of a class; gives back what mends it. */
export function replaced<T extends object, K extends keyof T>(target: T, name: K, by: (own: T[K]) => T[K]): () => void {
  const own = target[name];
  target[name] = by(own);
  return () => void (target[name] = own);
}
