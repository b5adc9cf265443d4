import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { HistorianClient } from '../historian/client.ts';
import type { SampleHistory, TagSummary } from '../historian/queries/history.ts';
import { listVersions, readModel } from '../models/folder.ts';
import type { ModelSpec, Series, TrainingRecord } from '../models/model.ts';
import type { ModelStatus } from './api/services.ts';
import { formatDuration } from './config/quantities.ts';
import type { Clock } from './core/clock.ts';
import { realDisk } from './core/disk.ts';
import { messageOf } from './core/fault.ts';
import type { GatewayEvents } from './gateway-events.ts';
import { Trainer } from './training/client.ts';
import { loadSeries } from './training/series.ts';
import type { ScoreNotice, WaitingNotice, WatchedModel } from './watch/messages.ts';
import type { WatchClient } from './watch/client.ts';

/** What the keeper works with. */
export interface ModelKeeperOptions {
  readonly models: readonly WatchedModel[];
  /** History that each must have before it learns, µs; in the order of `models`. */
  readonly minimumUs: readonly number[];
  /** `data/models` */
  readonly folder: string;
  readonly historian: Pick<HistorianClient, 'state'>;
  /** What they learn from: the historian's samples, with the cold tier behind it if there is one. */
  readonly history: Pick<SampleHistory, 'query' | 'summaries'>;
  readonly watch: Pick<WatchClient, 'activate'>;
  readonly events: GatewayEvents;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How old the newest sample of a signal may be when a model begins to learn: a source that is catching up is waited for. */
const UP_TO_DATE_US = 30_000_000;
/** A model that could not learn tries again after this. */
const RETRY_AFTER_MS = 600_000;

interface Kept {
  readonly watched: WatchedModel;
  readonly minimumUs: number;
  state: ModelStatus['state'];
  detail: string | null;
  progress: ModelStatus['progress'];
  version: string | null;
  training: TrainingRecord | undefined;
  score: number | null;
  /** Signals without a value, while it is active. */
  waiting: readonly string[];
  retryMs: number;
}

/** Sees to it that each model learns when there is enough history, and that its active version scores. The first version of a model becomes active by itself (DESIGN, "Watch"). */
export class ModelKeeper {
  private readonly options: ModelKeeperOptions;
  private readonly kept: readonly Kept[];
  private readonly trainer: Trainer;
  private looking = false;

  constructor(options: ModelKeeperOptions) {
    this.options = options;
    const onFallback = (why: string): void => options.logger.warn(`models: training goes on with WASM: ${why}`);
    this.trainer = new Trainer({ native: true, onFallback });
    this.kept = options.models.map((watched, i) => ({
      watched,
      minimumUs: options.minimumUs[i] ?? 0,
      state: 'learning',
      detail: null,
      progress: { phase: 'collecting', done: 0 },
      version: null,
      training: undefined,
      score: null,
      waiting: [],
      retryMs: 0,
    }));
  }

  /** Activates the versions that are there. */
  start(): void {
    for (const kept of this.kept) {
      const version = this.lastVersion(kept);
      if (version > 0) this.activate(kept, String(version));
    }
  }

  /** Looks whether there is enough to learn from; to be called every few seconds. Trains one model at a time. */
  async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    try {
      for (const kept of this.kept) await this.lookAt(kept);
    } finally {
      this.looking = false;
    }
  }

  private async lookAt(kept: Kept): Promise<void> {
    const { clock } = this.options;
    if (kept.state === 'failed' && clock.monotonicMs() >= kept.retryMs) kept.state = 'learning';
    if (kept.state !== 'learning') return;
    try {
      const span = await this.spanOf(kept);
      if (span !== undefined) await this.train(kept, span);
    } catch (error) {
      if (this.trainer.stopped) return;
      this.failed(kept.watched.spec.name, messageOf(error));
    }
  }

  /** The span that all signals have in common, if it is long enough and up to date. */
  private async spanOf(kept: Kept): Promise<{ fromUs: number; toUs: number } | undefined> {
    const { historian, history, clock } = this.options;
    const { signals, holdS } = kept.watched.spec;
    if (!historian.state().running) return undefined;
    const summaries = await history.summaries(signals);
    const missing = signals.filter((signal) => !summaries.some(({ tag }) => tag === signal));
    const fromUs = Math.max(...summaries.map(({ firstUs }) => firstUs));
    const newestUs = Math.max(...summaries.map(({ lastUs }) => lastUs));
    const standsUs = ({ lastUs }: TagSummary): number => Math.min(lastUs + holdS * S, newestUs);
    const toUs = Math.min(...summaries.map(standsUs));
    const done = missing.length > 0 ? 0 : Math.min(1, Math.max(0, (toUs - fromUs) / kept.minimumUs));
    kept.progress = { phase: 'collecting', done };
    const behind = summaries.filter((summary) => standsUs(summary) < newestUs - UP_TO_DATE_US).map(({ tag }) => tag);
    kept.detail =
      missing.length > 0
        ? `No samples yet of ${listOf(missing)}.`
        : behind.length > 0
          ? `Waits for ${listOf(behind)}: ${holdHint(holdS)}`
          : null;
    if (done < 1 || behind.length > 0) return undefined;
    if (toUs < clock.nowUs() - UP_TO_DATE_US) {
      kept.detail = 'Waits until its signals are up to date.';
      return undefined;
    }
    return { fromUs: Math.max(fromUs, toUs - MAX_HISTORY_US), toUs: toUs + 1 };
  }

  private async train(kept: Kept, { fromUs, toUs }: { fromUs: number; toUs: number }): Promise<void> {
    const { history, clock, events, logger } = this.options;
    const { spec } = kept.watched;
    kept.progress = { phase: 'training', done: 0 };
    kept.detail = null;
    const series: Series[] = [];
    for (const signal of spec.signals)
      series.push(await loadSeries(history, signal, fromUs, toUs, { holdUs: spec.holdS * S }));
    const startMs = clock.monotonicMs();
    const version = String(this.lastVersion(kept) + 1);
    await this.trainer.train({ spec, series, folder: this.options.folder, version }, (done) => {
      kept.progress = { phase: 'training', done };
    });
    this.activate(kept, version);
    const tookMs = Math.round(clock.monotonicMs() - startMs);
    logger.info({ model: spec.name, version, tookMs }, 'model active');
    await events.add(`model/${spec.name}`, 'model', { model: spec.name, version, state: 'active', tookMs });
  }

  private activate(kept: Kept, version: string): void {
    const { folder, watch, logger } = this.options;
    const { spec } = kept.watched;
    try {
      const { model } = readModel(realDisk, folder, spec.name, version);
      if (!isDeepStrictEqual(model.spec, spec)) {
        logger.warn({ model: spec.name, version }, 'the configuration of the model has changed: it learns again');
        return;
      }
      kept.training = model.training;
    } catch (error) {
      this.failed(spec.name, messageOf(error));
      return;
    }
    Object.assign(kept, { state: 'active', detail: null, progress: null, version, waiting: [] });
    watch.activate(spec.name, version);
  }

  /** 0: there is none. */
  private lastVersion({ watched }: Kept): number {
    const versions = listVersions(realDisk, this.options.folder, watched.spec.name).map(Number);
    return Math.max(0, ...versions.filter(Number.isSafeInteger));
  }

  /** A model scored. */
  scored({ model, score }: ScoreNotice): void {
    const kept = this.find(model);
    if (kept !== undefined) kept.score = score;
  }

  /** What an active model has no value of, and so does not look. */
  waits({ model, signals }: WaitingNotice): void {
    const kept = this.find(model);
    if (kept !== undefined) kept.waiting = signals;
  }

  /** A model cannot learn, or its active version cannot be used: it learns again later. */
  failed(model: string, why: string): void {
    const kept = this.find(model);
    if (kept === undefined) return;
    Object.assign(kept, { state: 'failed', detail: why, progress: null });
    kept.retryMs = this.options.clock.monotonicMs() + RETRY_AFTER_MS;
    this.options.logger.error({ model }, why);
  }

  private find(model: string): Kept | undefined {
    return this.kept.find(({ watched }) => watched.spec.name === model);
  }

  /** State of each model, in the order of the configuration. */
  statuses(): ModelStatus[] {
    return this.kept.map(({ watched, state, detail, progress, version, training, score, waiting }) => {
      const { name, asset, kind, signals, holdS } = watched.spec satisfies ModelSpec;
      return {
        name,
        asset,
        kind,
        state,
        version,
        detail: state === 'active' && waiting.length > 0 ? `Waits for ${listOf(waiting)}: ${holdHint(holdS)}` : detail,
        progress,
        signals,
        trainedFromUs: training?.fromUs ?? null,
        trainedToUs: training?.toUs ?? null,
        backend: training?.backend ?? null,
        score,
        threshold: training === undefined ? null : 1,
      };
    });
  }

  /** Ends a training that is under way. */
  async stop(): Promise<void> {
    await this.trainer.stop();
  }
}

function listOf(signals: readonly string[]): string {
  const more = signals.length - 3;
  return `${signals.slice(0, 3).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function holdHint(holdS: number): string {
  const hold = formatDuration(holdS * 1000);
  return `no good value for longer than \`hold\` (${hold}), or the connection was lost. For sources that report only changes, \`hold\` must be longer.`;
}

const S = 1_000_000;
/** More history than this makes a model no better and its training slower. */
const MAX_HISTORY_US = 4 * 3_600_000_000;
