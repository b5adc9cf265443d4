import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { type Counts, INTAKE_TERMS, type IntakeTerm, Term } from './core/ledger.ts';

/** What the metrics are read from when somebody asks for them. */
export interface MetricSources {
  /** Names of the connectors: each has its count from the start, also before its first sample. */
  readonly connectors: readonly string[];
  /** Names of the parts that are started again: likewise. */
  readonly workers: readonly string[];
  /** Ledger counts by connector. */
  ledger(): ReadonlyMap<string, Counts>;
  /** Acknowledged samples that can no longer be read, by reason. */
  lost(): ReadonlyMap<string, number>;
  /** End offset of each topic. */
  logEnds(): ReadonlyMap<string, number>;
  historian(): { readonly lagSamples: number; readonly points: number };
  links(): readonly {
    readonly name: string;
    readonly state: string;
    readonly topics: readonly { readonly topic: string; readonly lag: number | null }[];
  }[];
  /** Seconds until the disk is full at the present rate; Infinity if it does not fill. */
  diskFullSeconds(): number;
}

/** The gateway's metrics (names: the product's contract) and Node's own. */
export class GatewayMetrics {
  readonly registry = new Registry();
  /** Reading from the source to durable, seconds. */
  readonly appendSeconds: Histogram;
  readonly quarantined: Counter<'reason'>;
  readonly workerRestarts: Counter<'worker'>;
  readonly clockOffset: Gauge<'device'>;

  constructor(sources: MetricSources) {
    const registers = [this.registry];
    this.appendSeconds = new Histogram({
      name: 'millrace_log_append_seconds',
      help: 'Time from reading a batch of a source until it was durable.',
      buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5],
      registers,
    });
    this.quarantined = new Counter({
      name: 'millrace_samples_quarantined_total',
      help: 'Samples and payloads that were refused and kept in topic quarantine, since the start.',
      labelNames: ['reason'],
      registers,
    });
    this.workerRestarts = new Counter({
      name: 'millrace_worker_restarts_total',
      help: 'Times that a part ended unexpectedly and was started again.',
      labelNames: ['worker'],
      registers,
    });
    this.clockOffset = new Gauge({
      name: 'millrace_clock_offset_seconds',
      help: 'How far the clock of a device is ahead of that of the gateway, by its last sample.',
      labelNames: ['device'],
      registers,
    });
    for (const worker of sources.workers) this.workerRestarts.inc({ worker }, 0);
    this.addLedger(sources);
    this.addStores(sources);
    this.addLinks(sources);
    collectDefaultMetrics({ register: this.registry });
  }

  private addLedger(sources: MetricSources): void {
    this.registry.registerMetric(
      new Counter({
        name: 'millrace_samples_received_total',
        help: 'Samples that came from sources.',
        labelNames: ['connector'],
        registers: [],
        collect() {
          this.reset();
          for (const connector of sources.connectors) this.inc({ connector }, 0);
          for (const [connector, counts] of sources.ledger()) this.inc({ connector }, counts[Term.received] ?? 0);
        },
      }),
    );
    const total = (term: IntakeTerm): number => {
      let sum = 0;
      for (const counts of sources.ledger().values()) sum += counts[INTAKE_TERMS.indexOf(term)] ?? 0;
      return sum;
    };
    for (const [term, help] of [
      ['logged', 'Samples that are durable in the log.'],
      ['duplicate', 'Samples that were sent again and logged once.'],
    ] as const)
      this.registry.registerMetric(
        new Counter({
          name: `millrace_samples_${term}_total`,
          help,
          registers: [],
          collect() {
            this.reset();
            this.inc(total(term));
          },
        }),
      );
    this.registry.registerMetric(
      new Counter({
        name: 'millrace_samples_lost_total',
        help: 'Acknowledged samples that the log could not read any more when it was opened.',
        labelNames: ['reason'],
        registers: [],
        collect() {
          this.reset();
          for (const [reason, samples] of sources.lost()) this.inc({ reason }, samples);
        },
      }),
    );
  }

  private addStores(sources: MetricSources): void {
    this.registry.registerMetric(
      new Gauge({
        name: 'millrace_log_end_offset',
        help: 'Offset behind the last durable record.',
        labelNames: ['topic'],
        registers: [],
        collect() {
          for (const [topic, end] of sources.logEnds()) this.set({ topic }, end);
        },
      }),
    );
    this.registry.registerMetric(
      new Gauge({
        name: 'millrace_historian_lag_samples',
        help: 'Samples that are durable and not yet in the historian.',
        registers: [],
        collect() {
          this.set(sources.historian().lagSamples);
        },
      }),
    );
    this.registry.registerMetric(
      new Counter({
        name: 'millrace_historian_points_total',
        help: 'Samples that the historian has taken over.',
        registers: [],
        collect() {
          this.reset();
          this.inc(sources.historian().points);
        },
      }),
    );
    this.registry.registerMetric(
      new Gauge({
        name: 'millrace_disk_full_seconds',
        help: 'Seconds until the disk is full at the present rate; +Inf if it does not fill.',
        registers: [],
        collect() {
          this.set(sources.diskFullSeconds());
        },
      }),
    );
  }

  private addLinks(sources: MetricSources): void {
    this.registry.registerMetric(
      new Gauge({
        name: 'millrace_link_lag_records',
        help: 'Records that are durable here and not yet at the destination.',
        labelNames: ['link', 'topic'],
        registers: [],
        collect() {
          this.reset();
          for (const { name, topics } of sources.links())
            for (const { topic, lag } of topics) if (lag !== null) this.set({ link: name, topic }, lag);
        },
      }),
    );
    this.registry.registerMetric(
      new Gauge({
        name: 'millrace_link_state',
        help: '1 for the state that the link is in.',
        labelNames: ['link', 'state'],
        registers: [],
        collect() {
          this.reset();
          for (const { name, state } of sources.links()) this.set({ link: name, state }, 1);
        },
      }),
    );
  }
}
