import { parentPort, workerData } from 'node:worker_threads';
import { createConnector } from '../../connectors/registry.ts';
import { systemClock } from '../core/clock.ts';
import { DurableEnds } from '../core/durable-ends.ts';
import { assert, toFaultMessage } from '../core/fault.ts';
import { Tally } from '../core/ledger.ts';
import { RingProducer } from '../core/producer.ts';
import type { OffsetRange } from './batches.ts';
import { DuplicateFilter } from './duplicate-filter.ts';
import { ConnectorHost } from './host.ts';
import { Intake } from './intake.ts';
import type { IntakeCommand, IntakeNotice, IntakeWorkerData } from './messages.ts';
import { rebuildDuplicates } from './rebuild.ts';
import { TagTable } from './tag-table.ts';

const REPORT_EVERY_MS = 250;
/** A report carries at most so many measured appends: enough for a percentile. */
const MAX_TIMINGS = 64;

const parent = parentPort;
assert(parent !== null, 'the intake runs as a worker thread');
const notify = (notice: IntakeNotice): void => parent.postMessage(notice);
const data = workerData as IntakeWorkerData;
const clock = systemClock();
const stop = new AbortController();

const tallies: Tally[] = [];
const intakes = new Map<string, Intake>();
let sourcesBefore = '';
let ranges: OffsetRange[] = [];
let quarantined: Record<string, number> = {};
let appendSeconds: number[] = [];

/** Ranges that follow each other become one. */
function noteRange(range: OffsetRange): void {
  const last = ranges.findLast(({ topic }) => topic === range.topic);
  if (last !== undefined && last.last + 1 === range.first) ranges[ranges.indexOf(last)] = { ...last, last: range.last };
  else ranges.push(range);
}

function report(): void {
  const changes = tallies.flatMap((tally) => tally.take());
  const sources = Object.fromEntries([...intakes].map(([name, { connected }]) => [name, connected.size]));
  const sourcesNow = JSON.stringify(sources);
  if (changes.length === 0 && ranges.length === 0 && sourcesNow === sourcesBefore) return;
  sourcesBefore = sourcesNow;
  const clockOffsets = Object.assign(
    {},
    ...[...intakes.values()].map((intake) => intake.clockOffsets.take()),
  ) as Record<string, number>;
  notify({ type: 'report', changes, ranges, sources, quarantined, appendSeconds, clockOffsets });
  ranges = [];
  quarantined = {};
  appendSeconds = [];
}

async function run(): Promise<void> {
  const startMs = clock.monotonicMs();
  const duplicates = new DuplicateFilter();
  const rememberedSamples = rebuildDuplicates(duplicates, data.logFolder, new DurableEnds(data.ends), clock);
  const producer = new RingProducer(data.producer).start();
  const tags = new TagTable(data.site, data.tags).start();
  const hosts = data.connectors.map((config) => {
    const tally = new Tally(config.name);
    tallies.push(tally);
    const intake = new Intake({
      connector: config.name,
      clock,
      producer,
      tags,
      duplicates,
      tally,
      aheadMs: data.aheadMs,
      ignoreDeviceTime: config.time === 'ingest',
      onDurable(durable, elapsedMs) {
        for (const range of durable) noteRange(range);
        if (elapsedMs !== undefined && appendSeconds.length < MAX_TIMINGS) appendSeconds.push(elapsedMs / 1000);
      },
      onFailed: (error) => notify({ type: 'failed', fault: toFaultMessage(error) }),
      onQuarantined(reason) {
        quarantined[reason] = (quarantined[reason] ?? 0) + 1;
      },
      onProblem: (reason) => notify({ type: 'problem', connector: config.name, reason }),
    });
    const { name, kind } = config;
    intakes.set(name, intake);
    return new ConnectorHost({
      name,
      kind,
      intake,
      create: () => createConnector(config),
      onState: (state) => notify({ type: 'state', connector: name, state }),
    });
  });
  notify({ type: 'ready', rememberedSamples, tookMs: Math.round(clock.monotonicMs() - startMs) });
  const reports = setInterval(report, REPORT_EVERY_MS);
  await Promise.all(hosts.map((host) => host.run(stop.signal)));
  // The last heartbeats too; a log that writes no more has been reported already.
  await Promise.allSettled([...intakes.values()].map((intake) => intake.drained()));
  clearInterval(reports);
  report();
  producer.close();
  data.tags.close();
  notify({ type: 'stopped' });
  parent?.close();
}

parent.on('message', (command: IntakeCommand) => {
  if (command.type === 'stop') return stop.abort();
  report();
  notify({ type: 'flushed' });
});

await run();
