import type { Tag } from './api-types.ts';

/* Tags by asset. Pure. */

/** An asset: what the paths of some tags have in common before their last level. */
export interface Asset<T> {
  readonly path: string;
  /** Its levels below the site. */
  readonly levels: readonly string[];
  readonly tags: readonly T[];
}

/** Path without its last level. */
export function assetOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** Last level of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** A path without the asset (or another beginning) that the reader knows already. */
export function below(path: string, beginning: string): string {
  return path.startsWith(`${beginning}/`) ? path.slice(beginning.length + 1) : path;
}

/** Tags by asset, both in the order of their paths. `search`: only paths that contain every word of it. */
export function groupByAsset<T extends { readonly path: string }>(tags: Iterable<T>, search = ''): Asset<T>[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map<string, T[]>();
  for (const tag of tags) {
    const lower = tag.path.toLowerCase();
    if (!words.every((word) => lower.includes(word))) continue;
    const asset = assetOf(tag.path);
    const group = groups.get(asset);
    if (group === undefined) groups.set(asset, [tag]);
    else group.push(tag);
  }
  return [...groups]
    .map(([path, group]) => ({ path, levels: path.split('/').slice(1), tags: group.toSorted(byPath) }))
    .toSorted(byPath);
}

function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

const PROTOCOLS: readonly (readonly [beginning: string, name: string])[] = [
  ['mqtt', 'MQTT'],
  ['opcua', 'OPC UA'],
  ['modbus', 'Modbus'],
  ['http', 'HTTP'],
  ['folder', 'File'],
];

/** Name of the protocol that a tag comes by. */
export function protocolOf({ kind, connector }: Pick<Tag, 'kind' | 'connector'>): string {
  if (kind === '') return connector === 'import' ? 'Imported' : 'Calculated';
  return PROTOCOLS.find(([beginning]) => kind.startsWith(beginning))?.[1] ?? kind;
}
