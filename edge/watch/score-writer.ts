import type { Score } from '../../models/model.ts';
import type { Clock } from '../core/clock.ts';
import { Fault } from '../core/fault.ts';
import type { DerivedTopics } from '../core/progress/derived-topics.ts';
import type { RecordCursor } from '../core/record-cursor.ts';
import type { SampleReader } from '../core/sample-codec.ts';
import { ValueKind } from '../core/sample.ts';
import { StatusCode } from '../core/status-code.ts';
import type { TagTable } from '../intake/tag-table.ts';
import type { WatchNotice } from './messages.ts';

/** What scores are written with. */
export interface ScoreWriterOptions {
  readonly clock: Clock;
  readonly progress: DerivedTopics;
  readonly tags: TagTable;
  readonly notify: (notice: WatchNotice) => void;
}

const DERIVED = 'derived';
/** Connector of the tags of scores, in the tag list and the ledger. */
export const MODELS_CONNECTOR = 'models';

/**
 * The identity of a record of `derived` (DESIGN, "Consumers", form b): a tag has one score at a time. One that was erased since says no more than that its tag has had a score, which is not to be
 * written again. Throws `sample-malformed`.
 */
export function scoreIdentity(cursor: RecordCursor, sample: SampleReader): string | undefined {
  if (cursor.keyStart < 0) return undefined;
  if (cursor.valueStart < 0) return erasedIdentity(cursor.keyText());
  sample.read(cursor.data, cursor.valueStart, cursor.valueEnd);
  return identity(cursor.keyText(), sample.timeUs);
}

function identity(tag: string, timeUs: number): string {
  return `${tag} ${timeUs}`;
}

function erasedIdentity(tag: string): string {
  return `${tag} erased`;
}

/** Writes scores as samples of topic `derived`, under the tag of their model. What waits is bounded by what is durable: a log that stands still gives no new samples to score. */
export class ScoreWriter {
  private readonly options: ScoreWriterOptions;

  constructor(options: ScoreWriterOptions) {
    this.options = options;
  }

  /**
   * Makes the tag of a model's scores known (its path below the site): its id must stand before its first score. Returns why it cannot be a tag. Rejects with the Fault of a dictionary that
   * cannot be written.
   */
  async prepare(tag: string, model: string): Promise<Fault | undefined> {
    const { tags, clock } = this.options;
    if (tags.known(tag) !== undefined) return undefined;
    const question = { kind: ValueKind.double, unit: '1', connector: MODELS_CONNECTOR, source: model };
    const refused = await tags.learn(new Map([[tag, question]]), clock.monotonicMs());
    const refusal = refused.get(tag);
    return refusal === undefined ? undefined : new Fault('config-invalid', `${model}: ${refusal.detail}`);
  }

  /** Writes a score under a tag that was prepared, unless it is there from before a crash. */
  write(relative: string, model: string, { timeUs, score }: Score): void {
    const { progress, tags, notify } = this.options;
    const tag = tags.known(relative);
    if (tag === undefined) return;
    const sample = {
      timeUs,
      kind: ValueKind.double,
      value: score,
      quality: StatusCode.Good,
      flags: 0,
      serverTimeUs: null,
    };
    progress.emit(
      DERIVED,
      [identity(tag.path, timeUs), erasedIdentity(tag.path)],
      (encoder) => encoder.addSample(tag.key, sample),
      (offset) => {
        notify({ type: 'written', topic: DERIVED, first: offset, last: offset, tag: tag.path });
        notify({ type: 'score', model, timeUs, score });
      },
    );
  }
}
