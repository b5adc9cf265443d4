import { isDeepStrictEqual } from 'node:util';
import { Detector } from '../../models/detector.ts';
import { readModel } from '../../models/folder.ts';
import type { DebounceState } from '../../models/debounce.ts';
import type { Score } from '../../models/model.ts';
import { numberOf } from '../../models/number.ts';
import type { Network } from '../../models/runtime.ts';
import { realDisk } from '../core/disk.ts';
import type { Value } from '../core/sample.ts';
import { isGood } from '../core/status-code.ts';
import type { WatchedModel } from './messages.ts';

/** What a later run of a model needs besides the samples of the last minutes. */
export interface ModelWatchState {
  /** Windows that end before it are not scored: they were, or are from before the model was watched, µs. */
  readonly fromUs: number;
  /** The version that is active; null: none is. */
  readonly version: string | null;
  readonly debounce: DebounceState | null;
}

/** One model: silent until a version of it is active. */
export class ModelWatch {
  readonly model: WatchedModel;
  /** Windows that end before it are not scored, µs. */
  private fromUs: number;
  private version: string | null = null;
  private before: ModelWatchState | undefined;
  private readonly columns: ReadonlyMap<string, number>;
  private detector: Detector | undefined;
  private network: Network | undefined;
  private scores: Score[] = [];
  private waiting: readonly string[] = [];

  constructor(model: WatchedModel, startUs: number) {
    this.model = model;
    this.fromUs = startUs;
    this.columns = new Map(model.spec.signals.map((signal, column) => [signal, column]));
  }

  get state(): ModelWatchState {
    return { fromUs: this.fromUs, version: this.version, debounce: this.detector?.state ?? null };
  }

  /** Goes on where an earlier run was, when the same version is loaded next. */
  restore(state: ModelWatchState): void {
    this.fromUs = state.fromUs;
    this.before = state;
  }

  /** Scores with this version from now on. `folder`: `data/models`. Throws `model-damaged`, `model-missing`, `model-backend-failed`. */
  async load(folder: string, version: string): Promise<void> {
    // Only a gateway with models pays for the library.
    const { openWasm } = await import('../../models/tensorflow.ts');
    const { model } = readModel(realDisk, folder, this.model.spec.name, version);
    const runtime = await openWasm('serving');
    this.unload();
    this.network = runtime.network(model.layers, model.weights);
    this.detector = new Detector(model, this.network, (score) => this.scores.push(score), this.fromUs);
    const { before } = this;
    if (before?.version === version && before.debounce !== null) this.detector.restore(before.debounce);
    this.before = undefined;
    this.version = version;
  }

  /** Scores no more. */
  unload(): void {
    this.detector = undefined;
    this.version = null;
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
    const { scores } = this;
    this.scores = [];
    this.fromUs = Math.max(this.fromUs, ...scores.map((score) => score.timeUs + 1));
    return scores;
  }
}
