import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { CareState } from '../historian/store/care.ts';
import { HistorianClient } from '../historian/client.ts';
import type { Eraser } from '../historian/eraser.ts';
import type { RebuiltTopic } from '../historian/store/rebuild.ts';
import type { HistorianReport } from './api/care-services.ts';
import type { Config } from './config/schema.ts';
import type { Clock } from './core/clock.ts';
import { realDisk } from './core/disk.ts';
import { messageOf } from './core/fault.ts';
import type { Log } from './core/log.ts';
import type { TopicGap } from './core/reader.ts';
import { HISTORY_TOPICS } from './core/topics.ts';
import { ErasureBook } from './erasures/book.ts';
import { EraseKeeper, type EraseProgress } from './erasures/keeper.ts';
import { expiryMs } from './expiry.ts';
import type { GatewayEvents } from './gateway-events.ts';
import { historianRetention, historianRollups } from './log/log-settings.ts';
import type { Part } from './supervise.ts';
import type { TagDictionary } from './tags/dictionary.ts';

/** Where it is said what is wrong. */
interface PartLogger {
  error(members: object | string, text?: string): void;
  warn(members: object | string, text?: string): void;
}

/** What the historian of a gateway stands on. */
export interface HistorianPartOptions {
  readonly config: Config;
  readonly log: Log;
  readonly dictionary: TagDictionary;
  readonly events: GatewayEvents;
  readonly clock: Clock;
  readonly logger: PartLogger;
  /** Told of records that the log does not have. */
  readonly onGap?: (gap: TopicGap) => void;
}

/** The historian of a gateway and what is done with it: what is too old expires, damage that was mended is told, and what is to be erased is erased everywhere. */
export class HistorianPart {
  readonly client: HistorianClient;
  readonly keeper: EraseKeeper;
  /** Places beside the historian that have copies of samples; to be complete before `open`. */
  readonly erasers: Eraser[] = [];
  /** What the cold tier has (`expiryMs`), where there is one; to be there before `open`. */
  tierCoveredUs: (() => number | null) | undefined;
  private readonly options: HistorianPartOptions;
  private readonly book: ErasureBook;
  private readonly retentionMs: Readonly<Record<string, number>>;

  constructor(options: HistorianPartOptions) {
    const { config, log, dictionary, events, clock, logger, onGap } = options;
    this.options = options;
    this.retentionMs = historianRetention(config);
    const { logId, epoch } = log.state.identity;
    this.client = new HistorianClient({
      logFolder: log.folder,
      folder: path.join(config.data, 'historian'),
      ends: log.ends,
      logId,
      epoch,
      topics: HISTORY_TOPICS,
      retentionMs: this.retentionMs,
      rollupsMs: historianRollups(config),
      report: (fault) => logger.error({ code: fault.code }, fault.message),
      onRepair: (report) => {
        const { repaired, left } = report;
        if (repaired.length > 0) void events.add('historian', 'repaired', { ...report });
        if (repaired.length > 0) logger.warn(report, 'the historian was mended out of the log');
        else if (left.length > 0) logger.warn(report, 'the log has nothing of what is damaged in the historian');
      },
      ...(onGap === undefined ? {} : { onGap }),
    });
    this.book = new ErasureBook(realDisk, path.join(config.data, 'erasures.json'));
    this.keeper = new EraseKeeper({
      book: this.book,
      dictionary,
      historian: this.client,
      log: log.repacking,
      erasers: this.erasers,
      ends: log.ends,
      events,
      clock,
      newId: randomUUID,
      logger,
    });
  }

  /** Reads which erasures are not done. Throws `state-damaged`. */
  open(): void {
    this.book.open();
    this.keeper.open();
  }

  /** The worker, to be started again when it has ended. */
  get part(): Part {
    const { client, keeper } = this;
    return {
      async run() {
        await client.start();
        const fault = await client.ended;
        if (fault !== undefined) throw fault;
      },
      stop() {
        // What is under way is gone on with in the next life.
        keeper.stop();
        return client.stop();
      },
    };
  }

  /** To be called once a second: tells the time, while it can be believed, and goes on with what is to be erased. */
  tend(): void {
    if (!this.client.state().running) return;
    const nowMs = expiryMs(this.options.log.state.figures, this.retentionMs, this.tierCoveredUs?.());
    if (nowMs !== undefined) this.client.believe(nowMs);
    this.keeper.look();
  }

  /** Adds its metrics (names: the product's contract). */
  addMetrics(registry: Registry): void {
    const care = (): CareState => this.client.care;
    const openErasures = (): number => this.keeper.list().filter(({ done }) => !done).length;
    const gauges: readonly [name: string, help: string, value: () => number][] = [
      ['erasures_open', 'Erasures that are not done in all places yet.', openErasures],
      ['damaged_files', 'Files of the historian that are damaged as a whole or in part.', () => care().damaged.length],
    ];
    for (const [name, help, value] of gauges)
      registry.registerMetric(
        new Gauge({
          name: `millrace_historian_${name}`,
          help,
          registers: [],
          collect() {
            this.set(value());
          },
        }),
      );
    registry.registerMetric(
      new Gauge({
        name: 'millrace_historian_expired_before_seconds',
        help: 'Time (Unix) before which the samples of a topic have expired, unless they came late.',
        labelNames: ['topic'],
        registers: [],
        collect() {
          for (const { topic, beforeUs } of care().expired) this.set({ topic }, beforeUs / 1e6);
        },
      }),
    );
    registry.registerMetric(
      new Counter({
        name: 'millrace_historian_repaired_samples_total',
        help: 'Samples that could not be read and were written anew out of the log, since the start of the historian.',
        registers: [],
        collect() {
          this.reset();
          this.inc(care().repairedSamples);
        },
      }),
    );
  }

  /** Fills the historian again from what the log covers. The work goes on when nobody waits for it, so what it comes to is logged too. Throws `historian-write-failed`, `not-ready`. */
  async rebuild(onProgress: (progress: EraseProgress) => void): Promise<readonly RebuiltTopic[]> {
    const { logger, events } = this.options;
    try {
      const topics = await this.client.rebuild((progress) => onProgress({ place: 'historian', ...progress }));
      await events.add('historian', 'rebuilt', { topics });
      return topics;
    } catch (error) {
      logger.error(`rebuild of the historian: ${messageOf(error)}`);
      throw error;
    }
  }

  /** How it is. Throws `not-ready`. */
  async report(): Promise<Omit<HistorianReport, 'tier'>> {
    const { config, log } = this.options;
    const status = await this.client.status();
    const { expired, erasing, repairedSamples } = this.client.care;
    const { lagSamples, points } = this.client.state();
    const { trusted } = log.state.figures.clock;
    const topics = HISTORY_TOPICS.map((topic) => {
      const keptMs = this.retentionMs[topic];
      const beforeUs = expired.find((each) => each.topic === topic)?.beforeUs ?? null;
      return { topic, retentionSeconds: keptMs === undefined ? null : keptMs / 1000, expiredBeforeUs: beforeUs };
    });
    const erasures = this.keeper.list().filter(({ done }) => !done).length;
    const { files, fileBytes, memorySamples, memoryBytes, series, lostRecords, damaged } = status;
    const sizes = { files, fileBytes, memorySamples, memoryBytes, series, lostRecords, damaged };
    const folder = path.join(config.data, 'historian');
    return { folder, ...sizes, points, lagSamples, repairedSamples, erasing, erasures, expires: trusted, topics };
  }
}
