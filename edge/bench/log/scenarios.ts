import type { Scenario } from '../scenario.ts';
import { fullRates, halfLoadLatency, steadyLatencies } from './appending.ts';
import { bytesPerSample } from './bytes.ts';
import { decoding } from './decoding.ts';
import { bareDisk } from './disk.ts';
import { encoding } from './encoding.ts';
import { idleLog, idleWorkers, largeLog } from './memory.ts';
import { millrace, millraceAtBudget } from './millrace.ts';
import { pipeline } from './pipeline.ts';
import { kafka } from './rival-kafka.ts';
import { sqlite } from './rival-sqlite.ts';
import { stoppedReader } from './stopped-reader.ts';
import type { LogSystem } from './system.ts';
import { waking } from './waking.ts';

/** What may be measured besides the usual. */
export interface Choice {
  /** `host:port` of a Kafka broker to be measured beside. */
  readonly kafka?: string;
  /** Also a log of 20 GiB. */
  readonly large: boolean;
}

/** What is measured, on what. */
export interface LogBenchTable {
  /** Millrace, then its rivals. */
  readonly systems: readonly LogSystem[];
  /** Of a run, in its order. */
  readonly scenarios: readonly Scenario[];
}

/** All that a run measures: systems in turn, so that what else the machine does meets all of them. */
export function tableOf({ kafka: broker, large }: Choice): LogBenchTable {
  const own = millraceAtBudget(2);
  const rivals = [sqlite, ...(broker === undefined ? [] : kafka(broker))];
  const scenarios = [
    ...fullRates([own, ...rivals]),
    bareDisk,
    ...steadyLatencies(millrace(1), rivals),
    halfLoadLatency(own),
    encoding(100),
    encoding(1000),
    decoding,
    pipeline,
    waking,
    bytesPerSample,
    stoppedReader,
    idleWorkers,
    idleLog,
    largeLog(1),
    ...(large ? [largeLog(20)] : []),
  ];
  return { systems: [own, ...rivals], scenarios };
}
