import type { Scenario } from '../scenario.ts';
import { MIX, TWO_DECIMAL } from './data.ts';
import { httpMillrace } from './http-history.ts';
import { manyTags } from './memory.ts';
import { millrace } from './millrace.ts';
import { duckdb } from './rival-duckdb.ts';
import { prometheus } from './rival-prometheus.ts';
import { questdb } from './rival-questdb.ts';
import { victoria } from './rival-victoria.ts';
import {
  bytesStudies,
  httpStudies,
  largeStudy,
  lateStudy,
  mixStudy,
  monthStudy,
  warmingUp,
  wideStudy,
} from './studies.ts';
import { studyOf } from './study.ts';
import type { HistorySystem } from './system.ts';
import { year } from './year.ts';

/** What may be measured besides the usual. */
export interface Choice {
  /** `host:port` of a QuestDB server's HTTP, to be measured beside. */
  readonly questdb?: string;
  /** `host:port` of a VictoriaMetrics server. */
  readonly victoria?: string;
  /** The program around Prometheus's storage. */
  readonly prometheusTsdb?: string;
  /** Also 50 M samples. */
  readonly large: boolean;
  /** Also a historian with a year in it. */
  readonly year: boolean;
}

/** What is measured, on what. */
export interface HistorianBenchTable {
  /** Millrace, then its rivals. */
  readonly systems: readonly HistorySystem[];
  /** Of a run, in its order. */
  readonly scenarios: readonly Scenario[];
}

/** All that a run measures: systems in turn, so that what else the machine does meets all of them. Throws `usage` where a rival cannot be named so. */
export function tableOf(choice: Choice, quick: boolean): HistorianBenchTable {
  const systems = [millrace, duckdb, ...rivalsOf(choice)];
  const scale = quick ? 0.2 : 1;
  // Small sets of a class say the same; rivals, which make room for more than they need, are asked for them in the long runs only.
  const bytes = bytesStudies(quick ? 0.05 : 1).flatMap((study) => studyOf(study, quick ? [millrace] : systems));
  const scenarios = [
    ...studyOf(warmingUp(), systems),
    ...studyOf(mixStudy(scale), systems),
    ...studyOf(lateStudy(scale), systems),
    ...bytes,
    ...studyOf(monthStudy(quick ? [TWO_DECIMAL] : MIX), systems),
    ...studyOf(wideStudy(quick ? 3 : 10), systems),
    manyTags(quick ? 3 : 10),
    ...httpStudies(quick).flatMap((study) => studyOf(study, [httpMillrace])),
    ...(choice.large ? studyOf(largeStudy(), systems) : []),
    ...(choice.year ? [year()] : []),
  ];
  return { systems, scenarios };
}

function rivalsOf({ questdb: quest, victoria: metrics, prometheusTsdb }: Choice): HistorySystem[] {
  return [
    ...(quest === undefined ? [] : [questdb(quest)]),
    ...(metrics === undefined ? [] : [victoria(metrics)]),
    ...(prometheusTsdb === undefined ? [] : [prometheus(prometheusTsdb)]),
  ];
}
