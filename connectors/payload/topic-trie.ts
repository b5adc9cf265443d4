/** Topic filters of MQTT 3.1.1 (section 4.7): `+` is one level, `#` at the end is all that follows, also nothing. */

/** What is wrong with a filter, or undefined. */
export function checkTopicFilter(filter: string): string | undefined {
  if (filter === '') return 'is empty';
  if (filter.includes('\u0000')) return 'has a null character';
  const levels = filter.split('/');
  for (const [i, level] of levels.entries()) {
    if (level === '#' && i < levels.length - 1) return '`#` may only be the last level';
    if (level !== '#' && level !== '+' && /[+#]/.test(level)) return '`+` and `#` must be whole levels';
  }
  return undefined;
}

/** What the wildcards of a filter took of a topic that it matches, in order; `#` takes the rest as one list. */
export function captures(filter: readonly string[], topic: readonly string[]): string[][] {
  const taken: string[][] = [];
  for (const [i, level] of filter.entries()) {
    if (level === '#') taken.push(topic.slice(i));
    else if (level === '+') taken.push([topic[i] ?? '']);
  }
  return taken;
}

interface Node<T> {
  readonly children: Map<string, Node<T>>;
  /** Items of the filter that ends here. */
  readonly items: Set<T>;
  /** Items of the filter that ends here with `#`. */
  readonly rest: Set<T>;
}

function node<T>(): Node<T> {
  return { children: new Map(), items: new Set(), rest: new Set() };
}

/** Many filters, asked at once: the work goes with the filters that share the topic's levels, not with all of them. */
export class TopicTrie<T> {
  private readonly root: Node<T> = node();

  add(filter: string, item: T): void {
    let at = this.root;
    for (const level of filter.split('/')) {
      if (level === '#') {
        at.rest.add(item);
        return;
      }
      let next = at.children.get(level);
      if (next === undefined) at.children.set(level, (next = node()));
      at = next;
    }
    at.items.add(item);
  }

  remove(filter: string, item: T): void {
    const way: [Node<T>, string][] = [];
    let at: Node<T> = this.root;
    for (const level of filter.split('/')) {
      if (level === '#') {
        at.rest.delete(item);
        return prune(way);
      }
      const next = at.children.get(level);
      if (next === undefined) return;
      way.push([at, level]);
      at = next;
    }
    at.items.delete(item);
    prune(way);
  }

  /** Items of every filter that matches, in no order. A topic that begins with `$` is not matched by a wildcard at its first level (section 4.7.2). */
  match(topic: readonly string[]): T[] {
    const found: T[] = [];
    this.collect(this.root, topic, 0, found);
    return found;
  }

  private collect(at: Node<T>, topic: readonly string[], depth: number, found: T[]): void {
    const wild = depth > 0 || topic[0]?.startsWith('$') !== true;
    if (wild) for (const item of at.rest) found.push(item);
    const level = topic[depth];
    if (level === undefined) {
      for (const item of at.items) found.push(item);
      return;
    }
    // A topic has no wildcards: a level that reads `+` is matched as the wildcard alone, else it would count twice.
    const exact = level === '+' ? undefined : at.children.get(level);
    if (exact !== undefined) this.collect(exact, topic, depth + 1, found);
    const any = wild ? at.children.get('+') : undefined;
    if (any !== undefined) this.collect(any, topic, depth + 1, found);
  }
}

/** Takes away branches that hold nothing any more, from the tip down. */
function prune<T>(way: readonly (readonly [Node<T>, string])[]): void {
  for (const [parent, level] of way.toReversed()) {
    const child = parent.children.get(level);
    if (child === undefined || child.children.size + child.items.size + child.rest.size > 0) return;
    parent.children.delete(level);
  }
}
