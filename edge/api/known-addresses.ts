import { Fault } from '../core/fault.ts';

/** Which methods each address has: what the router knows, and does not tell of an address that was really asked for. */
export class KnownAddresses {
  private readonly methods = new Map<string, string[]>();

  /** Takes in a route of the router's; parameters of its address are written `:name`. */
  add(address: string, methods: string | readonly string[]): void {
    this.methods.set(address, [...(this.methods.get(address) ?? []), ...[methods].flat()]);
  }

  /** Methods of the address of a request, none where there is nothing. Goes through all of them: only for what was refused. */
  methodsOf(url: string): readonly string[] {
    const path = pathOf(url);
    for (const [address, methods] of this.methods) if (fits(address, path)) return methods;
    return [];
  }
}

/** What is wrong with a request that no route takes, `methods` being those of its address. */
export function refusalOf(method: string, url: string, methods: readonly string[]): Fault {
  const asked = `${method} ${pathOf(url).slice(0, 200)}`;
  if (methods.length === 0) return new Fault('not-found', asked);
  return new Fault('method-not-allowed', `${asked}: what there is, is ${methods.join(', ')}.`);
}

function pathOf(url: string): string {
  return url.split(/[?#]/, 1)[0] ?? '';
}

function fits(address: string, path: string): boolean {
  const pieces = path.split('/');
  const wanted = address.split('/');
  if (pieces.length !== wanted.length) return false;
  return wanted.every((piece, i) => (piece.startsWith(':') ? pieces[i] !== '' : pieces[i] === piece));
}
