import type { Score } from '../../models/model.ts';
import type { Clock } from '../core/clock.ts';
import { Fault } from '../core/fault.ts';
import type { Producer } from '../core/producer.ts';
import { BatchEncoder } from '../core/record-batch.ts';
import { ValueKind } from '../core/sample.ts';
import { StatusCode } from '../core/status-code.ts';
import type { TagTable } from '../intake/tag-table.ts';
import type { WatchNotice } from './messages.ts';

/** What scores are written with. */
export interface ScoreWriterOptions {
  readonly clock: Clock;
  readonly producer: Producer;
  readonly tags: TagTable;
  readonly notify: (notice: WatchNotice) => void;
  /** The tag of a model's score cannot be one: its scores are lost. */
  readonly onRefused: (model: string, fault: Fault) => void;
  /** Nothing can be written any more. */
  readonly onFailed: (error: unknown) => void;
}

const DERIVED = 'derived';
/** Connector of the tags of scores, in the tag list and the ledger. */
export const MODELS_CONNECTOR = 'models';

/** Writes scores as samples of topic `derived`, under the tag of their model. What waits is bounded by what is durable: a log that stands still gives no new samples to score. */
export class ScoreWriter {
  private readonly options: ScoreWriterOptions;
  private readonly encoder = new BatchEncoder();
  private queue: Promise<void> = Promise.resolve();

  constructor(options: ScoreWriterOptions) {
    this.options = options;
  }

  /** `tag`: path below the site. One behind the other: a tag's id must stand before its first score. */
  write(tag: string, model: string, score: Score): void {
    this.queue = this.queue.then(() => this.append(tag, model, score)).catch(this.options.onFailed);
  }

  /** Resolves when everything is durable, or will not be. */
  async written(): Promise<void> {
    await this.queue;
  }

  private async append(relative: string, model: string, { timeUs, score }: Score): Promise<void> {
    const { clock, producer, tags, notify, onRefused } = this.options;
    if (tags.known(relative) === undefined) {
      const question = { kind: ValueKind.double, unit: '1', connector: MODELS_CONNECTOR, source: model };
      const refused = await tags.learn(new Map([[relative, question]]), clock.monotonicMs());
      const refusal = refused.get(relative);
      if (refusal !== undefined) return onRefused(model, new Fault('config-invalid', `${model}: ${refusal.detail}`));
    }
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
    this.encoder.addSample(tag.key, sample);
    const offset = await producer.append(DERIVED, this.encoder.finish(clock.nowMs()), 1);
    notify({ type: 'written', topic: DERIVED, first: offset, last: offset, tag: tag.path });
    notify({ type: 'score', model, timeUs, score });
  }
}
