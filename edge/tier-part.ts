import path from 'node:path';
import type { Logger } from 'pino';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Eraser } from '../historian/eraser.ts';
import { dateOf } from '../historian/parquet/cold-tier.ts';
import type { KeeperState } from '../historian/parquet/keeper-messages.ts';
import { KeeperProcess } from '../historian/parquet/keeper-process.ts';
import type { TierPlace } from '../historian/parquet/place.ts';
import { Tier } from '../historian/parquet/tier.ts';
import type { TierReport } from './api/care-services.ts';
import type { Config } from './config/schema.ts';
import type { TierConfig } from './config/tier-schema.ts';
import { fromFaultMessage } from './core/fault.ts';
import { readSecret } from './core/secret.ts';
import { HISTORY_TOPICS } from './core/topics.ts';
import type { ErasureRecord } from './erasures/book.ts';
import { notDoneIn } from './erasures/not-done.ts';
import type { HistorianPart } from './historian-part.ts';
import type { TagDictionary } from './tags/dictionary.ts';

/** Name of the part, and of the place in records of erasures. */
export const TIER = 'tier';
/** How often it is looked whether there is a day to be put away. */
const LOOK_EVERY_MS = 10 * 60 * 1000;

/** What the cold tier of a gateway stands on. */
interface TierPartOptions {
  readonly config: TierConfig;
  readonly data: string;
  readonly logFolder: string;
  readonly logger: Pick<Logger, 'warn'>;
}

/** Where the tier of a configuration lies; its key is read each time. `data`: the gateway's data folder. Throws `secret-missing`. */
export async function tierPlace({ folder, s3 }: TierConfig, data: string): Promise<TierPlace> {
  const known = path.join(data, 'tier', 'known');
  if (s3 !== undefined) return { known, s3: { ...s3, secretKey: await readSecret(s3.secretKey) } };
  return { known, folder: folder ?? '' };
}

/** By how long days that are old enough are not there yet, s; null: that is not known. */
function lagOf({ dueUs, coveredUs }: KeeperState): number | null {
  return dueUs === null || coveredUs === null ? null : Math.max(0, dueUs - coveredUs) / 1e6;
}

/** The cold tier of a gateway: read from here, kept by a process of its own. */
export class TierPart implements Eraser {
  readonly name = TIER;
  readonly tier: Tier;
  private readonly options: TierPartOptions;
  private readonly keeper: KeeperProcess;
  private stateNow: KeeperState | undefined;
  /** Resolves when it was started once, or could not be. */
  private readonly begun = Promise.withResolvers<void>();

  constructor(options: TierPartOptions) {
    this.options = options;
    const { config, data } = options;
    this.tier = new Tier({
      place: () => tierPlace(config, data),
      copies: path.join(data, 'tier', 'copies'),
      folder: config.folder,
    });
    this.keeper = new KeeperProcess((state) => this.take(state));
  }

  /** What keeps it from its work, or what it does; null: nothing is to be said. */
  get detail(): string | null {
    const { problem = null, writing = null } = this.stateNow ?? {};
    if (problem !== null) return `${fromFaultMessage(problem).message} It is tried again.`;
    return writing === null ? null : `${dateOf(writing)} is being put away.`;
  }

  /** Runs until `stop`; to be started again when it has ended. Throws `secret-missing`, `worker-failed`. */
  async run(): Promise<void> {
    const { config, data, logFolder } = this.options;
    try {
      const running = this.keeper.run({
        source: { folder: path.join(data, 'historian'), logFolder, topics: HISTORY_TOPICS },
        place: await tierPlace(config, data),
        afterMs: config.after,
        everyMs: LOOK_EVERY_MS,
        scratch: path.join(data, 'tier', 'scratch'),
      });
      this.begun.resolve();
      await running;
    } finally {
      this.begun.resolve();
    }
  }

  async stop(): Promise<void> {
    this.keeper.stop();
    await this.tier.close();
  }

  /** What earlier lives have not erased from it is out of its answers from now on. */
  hideNotDone(orders: readonly ErasureRecord[], dictionary: Pick<TagDictionary, 'all' | 'find'>): void {
    for (const erasure of notDoneIn(TIER, orders, dictionary)) this.tier.hide(erasure);
  }

  /** What came before this time and belongs before it is in the tier, µs; null: that is not known. */
  get coveredUs(): number | null {
    return this.stateNow?.coveredUs ?? null;
  }

  async erase(
    tags: readonly string[],
    fromUs: number,
    toUs: number,
    upTo: Readonly<Record<string, number>>,
  ): Promise<void> {
    const erasure = { tags, fromUs, toUs, upTo };
    const done = this.tier.hide(erasure);
    await this.begun.promise;
    await this.keeper.erase(erasure);
    await this.tier.refresh();
    done();
  }

  private take(state: KeeperState): void {
    const { logger } = this.options;
    const before = this.stateNow;
    this.stateNow = state;
    if (state.problem !== null && state.problem.detail !== before?.problem?.detail)
      logger.warn({ code: state.problem.code }, `cold tier: ${fromFaultMessage(state.problem).message}`);
    // Later than its first day it never begins, and what is not there yet has not expired.
    if (state.beginUs !== null) this.tier.noteBegin(state.beginUs);
    if (state.version !== before?.version) void this.tier.refresh();
  }

  /** How far it is; null: that is not known yet. */
  report(): TierReport | null {
    const { config, data } = this.options;
    if (this.stateNow === undefined) return null;
    const { days, rows, bytes, coveredUs, updatedUs, failures, written } = this.stateNow;
    const { folder, s3 } = config;
    const location = s3 === undefined ? path.resolve(data, folder ?? '') : `s3://${s3.bucket}/${s3.prefix}`;
    const sizes = { days, samples: rows, bytes, coveredUs, updatedUs, written, failures };
    return { location, ...sizes, lagSeconds: lagOf(this.stateNow), detail: this.detail };
  }

  /** Adds its metrics (names: the product's contract). What is not known yet has no value. */
  addMetrics(registry: Registry): void {
    const gauge = (name: string, help: string, valueOf: (state: KeeperState) => number | null): void => {
      const state = (): KeeperState | undefined => this.stateNow;
      const collect = function (this: Gauge): void {
        const now = state();
        const value = now === undefined ? null : valueOf(now);
        this.reset();
        if (value === null) this.remove();
        else this.set(value);
      };
      registry.registerMetric(new Gauge({ name: `millrace_historian_tier_${name}`, help, registers: [], collect }));
    };
    const counter = (name: string, help: string, count: () => number): void =>
      registry.registerMetric(
        new Counter({
          name: `millrace_historian_tier_${name}`,
          help,
          registers: [],
          collect() {
            this.reset();
            this.inc(count());
          },
        }),
      );
    gauge('days', 'Days in the cold tier, each a file.', ({ days }) => days);
    gauge('samples', 'Samples in the cold tier.', ({ rows }) => rows);
    gauge('bytes', 'Bytes of the days in the cold tier.', ({ bytes }) => bytes);
    gauge('lag_seconds', 'Time by which days that are old enough are not in the cold tier yet.', lagOf);
    gauge('last_change_timestamp_seconds', 'When something was put into the cold tier or taken out last.', (state) =>
      state.updatedUs === null ? null : state.updatedUs / 1e6,
    );
    counter(
      'written_days_total',
      'Days written into the cold tier since its keeper began.',
      () => this.stateNow?.written ?? 0,
    );
    counter(
      'failures_total',
      'What could not be put into the cold tier or taken out, and is tried again, since its keeper began.',
      () => this.stateNow?.failures ?? 0,
    );
  }
}

/** Makes the cold tier of a configuration and joins it to the historian: what is erased is erased there too, and nothing expires before it is there. Undefined: none is configured. */
export function joinTier(
  config: Config,
  logFolder: string,
  historian: Pick<HistorianPart, 'erasers' | 'tierCoveredUs'>,
  logger: TierPartOptions['logger'],
): TierPart | undefined {
  const { tier } = config.historian;
  if (tier === undefined) return undefined;
  const part = new TierPart({
    config: tier,
    data: config.data,
    logFolder,
    logger,
  });
  historian.erasers.push(part);
  historian.tierCoveredUs = () => part.coveredUs;
  return part;
}
