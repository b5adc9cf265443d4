import type { Answer, Broken, Request } from './request.ts';

/** How frames lie in a stream of bytes. Holds at most one unfinished frame; never throws, whatever comes. */
export interface Framing {
  /** Whether an answer says which question it belongs to. */
  readonly numbered: boolean;
  /** Bytes since the last answer that were of no use. */
  readonly discardedBytes: number;
  /** The bytes of a question, whose answer is then waited for. */
  ask(request: Request): Uint8Array;
  /** Takes bytes in. Returns the answer to the question, or what was wrong with it; undefined: not yet. */
  receive(chunk: Uint8Array): Answer | Broken | undefined;
  /** The answer is not waited for any longer: what came instead, or undefined if nothing did. */
  giveUp(): Broken | undefined;
}

export const NO_BYTES = new Uint8Array(0);

export function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
