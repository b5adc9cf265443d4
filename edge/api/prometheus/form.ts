/** Where forms are read: elsewhere a form of another page gets nowhere. */
const PREFIX = '/prometheus/';

/** Whether a form may be sent to this address: Grafana puts its questions into forms, unless it is told to use GET. */
export function takesForms(url: string): boolean {
  return url.startsWith(PREFIX);
}

/** The fields of a form (`application/x-www-form-urlencoded`); those whose names end with `[]` are lists. */
export function formOf(text: string): Record<string, string | string[]> {
  const fields = new Map<string, string | string[]>();
  for (const [name, value] of new URLSearchParams(text)) {
    const before = fields.get(name);
    if (!name.endsWith('[]')) fields.set(name, value);
    else fields.set(name, [...(Array.isArray(before) ? before : []), value]);
  }
  return Object.fromEntries(fields);
}
