/** Values of `service` in the query of a request's URL, decoded; each with how else it may be meant, where that differs. */
export function serviceParameters(url: string): { readonly name: string; readonly otherwise: string | null }[] {
  const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : '';
  return query.split('&').flatMap((pair) => {
    const at = pair.indexOf('=');
    const key = at < 0 ? pair : pair.slice(0, at);
    if (decoded(key) !== 'service') return [];
    const value = at < 0 ? '' : pair.slice(at + 1);
    const name = decoded(value.replaceAll('+', ' '));
    // Some clients do not encode the name: then a plus is one.
    return [{ name, otherwise: value.includes('+') ? decoded(value) : null }];
  });
}

/** What is percent-encoded as UTF-8, else the text as it came. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
