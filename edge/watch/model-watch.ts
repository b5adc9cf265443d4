import { isDeepStrictEqual } from 'node:util';
import { Detector } from '../../models/detector.ts';
import { readModel } from '../../models/folder.ts';
import type { Score } from '../../models/model.ts';
import { numberOf } from '../../models/number.ts';
import type { Network } from '../../models/runtime.ts';
import { realDisk } from '../core/disk.ts';
import type { Value } from '../core/sample.ts';
import { isGood } from '../core/status-code.ts';
import type { WatchedModel } from './messages.ts';

/** One model: silent until a version of it is active. */
export class ModelWatch {
  readonly model: WatchedModel;
  /** Windows that end before it are not scored, µs. */
  private startUs: number;
  private readonly columns: ReadonlyMap<string, number>;
  private detector: Detector | undefined;
  private network: Network | undefined;
  private scores: Score[] = [];
  private waiting: readonly string[] = [];

  constructor(model: WatchedModel, startUs: number) {
    this.model = model;
    this.startUs = startUs;
    this.columns = new Map(model.spec.signals.map((signal, column) => [signal, column]));
  }

  /** Scores with this version from now on. `folder`: `data/models`. Throws `model-damaged`, `model-missing`, `model-backend-failed`. */
  async load(folder: string, version: string): Promise<void> {
    // Only a gateway with models pays for the library.
    const { openWasm } = await import('../../models/tensorflow.ts');
    const { model } = readModel(realDisk, folder, this.model.spec.name, version);
    const runtime = await openWasm('serving');
    this.unload();
    this.network = runtime.network(model.layers, model.weights);
    this.detector = new Detector(model, this.network, (score) => this.scores.push(score));
  }

  /** Windows up to this time have been scored by an earlier run, µs. */
  scoredUntil(timeUs: number): void {
    this.startUs = Math.max(this.startUs, timeUs + 1);
  }

  /** Scores no more. */
  unload(): void {
    this.detector = undefined;
    this.network?.close();
    this.network = undefined;
    this.scores = [];
    this.waiting = [];
  }

  /** Signals without a value, if they are others than at the last call. */
  waitsAnew(): readonly string[] | undefined {
    const { signals } = this.model.spec;
    const waiting = (this.detector?.grid.waitingFor() ?? []).flatMap((column) => signals[column] ?? []);
    if (isDeepStrictEqual(waiting, this.waiting)) return undefined;
    this.waiting = waiting;
    return waiting;
  }

  /** Takes a sample of a tag in; returns the scores of windows that are complete with it. */
  sample(tag: string, timeUs: number, value: Value, quality: number): readonly Score[] {
    const column = this.columns.get(tag);
    if (column === undefined || this.detector === undefined) return [];
    this.detector.sample(column, timeUs, isGood(quality) ? numberOf(value) : Number.NaN);
    if (this.scores.length === 0) return this.scores;
    const scores = this.scores.filter((score) => score.timeUs >= this.startUs);
    this.scores = [];
    return scores;
  }
}
