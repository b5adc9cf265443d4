import { Fault } from '../core/fault.ts';

/** A bound on how many answers are under way at once; one more is refused (`too-many-requests`) rather than queued. */
export class Slots {
  private readonly limit: number;
  private readonly what: string;
  private taken = 0;

  constructor(limit: number, what: string) {
    this.limit = limit;
    this.what = what;
  }

  /** Takes a slot and returns how to give it back; giving back twice does nothing. */
  take(): () => void {
    if (this.taken >= this.limit) throw new Fault('too-many-requests', `${this.limit} ${this.what} are under way.`);
    this.taken++;
    let held = true;
    return () => {
      if (held) this.taken--;
      held = false;
    };
  }
}

/** The pieces of an answer; gives its slot back when the last one was taken, or nobody wants more. */
export async function* holding<Piece>(release: () => void, pieces: () => AsyncIterable<Piece>): AsyncGenerator<Piece> {
  try {
    yield* pieces();
  } finally {
    release();
  }
}
