/** Whether a path of names matches: `*` stands for any characters within a name, `**` for any number of names, none too. */
export class PathPattern {
  private readonly names: readonly (RegExp | undefined)[];

  /** The names of the pattern are those of the tag, so escaped. */
  constructor(pattern: string) {
    this.names = pattern.split('/').map((name) => (name === '**' ? undefined : nameExpression(name)));
  }

  matches(path: readonly string[]): boolean {
    // The places in the pattern where the names so far can have led to.
    let places = this.withEmpty([0]);
    for (const name of path) {
      const next: number[] = [];
      for (const place of places) {
        if (place >= this.names.length) continue;
        const expression = this.names[place];
        if (expression === undefined) next.push(place);
        else if (expression.test(name)) next.push(place + 1);
      }
      places = this.withEmpty(next);
    }
    return places.includes(this.names.length);
  }

  /** Each `**` may stand for nothing. */
  private withEmpty(places: readonly number[]): number[] {
    const all = new Set<number>();
    for (let place of places) {
      all.add(place);
      while (place < this.names.length && this.names[place] === undefined) all.add(++place);
    }
    return [...all];
  }
}

function nameExpression(name: string): RegExp {
  const parts = name.split('*').map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join('.*')}$`, 'su');
}
