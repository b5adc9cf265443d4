import { assert } from '../fault.ts';
import type { DurableEnds } from '../durable-ends.ts';
import type { Positions } from './snapshot.ts';
import { StateFile, type StateFileOptions } from './state-file.ts';

/** Of which log the offsets are. */
interface LogIdentity {
  readonly logId: string;
  readonly epoch: number;
}

/** What a consumer of form (c) brings along. */
export interface TrailingCursorOptions extends Pick<StateFileOptions, 'disk' | 'file' | 'consumer'> {
  readonly log: LogIdentity;
  readonly ends: DurableEnds;
}

interface Delivery {
  readonly next: number;
  taken: boolean;
}

/** Batches of one topic that the sink may have at a time. */
const MAX_UNDER_WAY = 100;

/**
 * Progress of form (c), for a consumer whose sink takes the same record twice without harm: a cursor in a file of its own that may lag the sink and never leads it. It moves over a batch only
 * when the sink has said that it has that batch and all before it. After a crash some is sent again.
 */
export class TrailingCursor {
  private readonly options: TrailingCursorOptions;
  private readonly file: StateFile;
  private readonly positions = new Map<string, number>();
  private readonly underWay = new Map<string, Delivery[]>();
  private saved: Positions = {};
  private changed = false;

  constructor(options: TrailingCursorOptions) {
    const { disk, file, consumer } = options;
    const remedy = 'Move it away: the sink is then given everything once more that the log still holds.';
    this.options = options;
    this.file = new StateFile({ disk, file, consumer, remedy });
  }

  /** Reads the cursor. That of another log, or one that stands behind the log's end, counts for nothing: offsets are given again. Throws `state-damaged`. */
  open(): void {
    const { log, ends } = this.options;
    const content = this.file.read();
    if (content === undefined) return;
    const { logId, epoch, positions } = content as LogIdentity & { readonly positions?: Record<string, number> };
    if (typeof positions !== 'object') throw this.file.damaged('names no positions');
    if (logId !== log.logId || epoch !== log.epoch) return;
    for (const [topic, position] of Object.entries(positions))
      if (ends.topics.includes(topic) && position <= ends.end(topic)) this.positions.set(topic, position);
    this.saved = Object.fromEntries(this.positions);
  }

  /** Offset of the first record of a topic that the sink may lack. */
  position(topic: string): number {
    return this.positions.get(topic) ?? 0;
  }

  /** What the log must keep: from the durable cursor on. */
  get holds(): Positions {
    return this.saved;
  }

  /** Whether the sink may be given another batch of a topic. */
  writable(topic: string): boolean {
    return (this.underWay.get(topic)?.length ?? 0) < MAX_UNDER_WAY;
  }

  /**
   * The sink was given the records of a topic up to `next` (without it), behind all that it was given before; `taken` resolves when it has them for good. Resolves then; rejects with why it has not:
   * the cursor stays in front of them, whatever comes behind, and the consumer gives them again from `position` on, by a cursor that it opens anew.
   */
  async deliver(topic: string, next: number, taken: Promise<unknown>): Promise<void> {
    const underWay = this.underWay.get(topic) ?? [];
    this.underWay.set(topic, underWay);
    assert(next > (underWay.at(-1)?.next ?? this.position(topic)), `${topic} is delivered in order`);
    assert(underWay.length < MAX_UNDER_WAY, `at most ${MAX_UNDER_WAY} batches of ${topic} are under way`);
    const delivery: Delivery = { next, taken: false };
    underWay.push(delivery);
    await taken;
    delivery.taken = true;
    for (let first = underWay[0]; first?.taken === true; first = underWay[0]) {
      this.positions.set(topic, first.next);
      this.changed = true;
      underWay.shift();
    }
  }

  /** Makes the cursor durable if it has moved. To be called every few seconds: what came since is sent again after a crash. */
  save(): void {
    if (!this.changed) return;
    const { logId, epoch } = this.options.log;
    const positions = Object.fromEntries(this.positions);
    this.file.write({ v: 1, logId, epoch, positions });
    this.changed = false;
    this.saved = positions;
  }
}
