import { Fault } from '../../core/fault.ts';
import type { Figures } from '../figures.ts';
import type { Scenario } from '../scenario.ts';
import { DAY_MS, type DataSet } from './data.ts';
import { dropCaches } from './drop-caches.ts';
import { type Question, rawQuestion } from './questions.ts';
import type { HistorySystem, OpenHistory } from './system.ts';
import { Check, type Probe, type Truth, truthOf } from './truth.ts';

/** What is measured with one data set. */
export interface Study {
  readonly set: DataSet;
  /** In the first run only. */
  readonly once?: true;
  /** Name of the figures of loading; left out: not noted. */
  readonly ingest?: string;
  /** Loading with `ingest` is compared with this one. */
  readonly comparedWith?: string;
  /** Name of the figure of bytes; left out: not noted. */
  readonly bytes?: string;
  /** Tags whose samples are known, and which the questions are about. */
  readonly probes: readonly number[];
  readonly questions: readonly Question[];
}

/** A question is asked so often at most, and for so long. */
const MOST_ASKED = 1000;
const LEAST_ASKED = 3;
/** What is asked in the first part of that time says nothing: it is code that was hardly run. */
const WARM_UP_SHARE = 0.25;
const COLD_ASKED = 3;

/** One scenario a system. What is known of the data is found out once, before the first. */
export function studyOf(study: Study, systems: readonly HistorySystem[]): Scenario[] {
  let truth: Truth | undefined;
  const checked = new Set<string>();
  return systems.map((system) => ({
    title: `${system.name}: ${study.set.name}`,
    ...(study.once === true ? { once: true as const } : {}),
    async measure({ figures, seconds, quick, ...place }) {
      truth ??= truthOf(study.set, study.probes);
      await using history = await system.open(study.set, place);
      await history.prepare();
      await measureLoading(study, system, history, truth, figures);
      const asking = { system: system.name, history, probes: truth.probes, figures, signal: place.signal };
      // Awaited here: behind this function the history is closed.
      if (checked.has(system.name)) return await askAll(study.questions, asking, { seconds, quick });
      const check = new Check(system, truth);
      await check.points(history);
      await answersRightly(firstDayOf(study.set), asking, check);
      await askAll(study.questions, asking, { seconds, quick, check });
      checked.add(system.name);
    },
  }));
}

/** Samples that are compared one by one, also where nothing is asked: no more than a client holds at a time. */
function firstDayOf({ fromMs, toMs }: DataSet): Question {
  return rawQuestion('samples', { fromMs, toMs: Math.min(toMs, fromMs + DAY_MS) });
}

async function measureLoading(
  { ingest, bytes, comparedWith }: Study,
  { name }: HistorySystem,
  history: OpenHistory,
  { points }: Truth,
  figures: Figures,
): Promise<void> {
  const cpuBefore = history.cpuSeconds();
  const startMs = performance.now();
  await history.load();
  const loadedSeconds = (performance.now() - startMs) / 1000;
  const cpuLoaded = history.cpuSeconds();
  await history.settle();
  const settledSeconds = (performance.now() - startMs) / 1000;
  if (ingest !== undefined) {
    figures.note(name, `${ingest}.points_per_s`, 'points/s', points / loadedSeconds);
    if (cpuBefore !== undefined && cpuLoaded !== undefined)
      figures.note(name, `${ingest}.cpu_us_per_point`, 'µs', ((cpuLoaded - cpuBefore) * 1e6) / points);
    figures.note(name, `${ingest}.settled_points_per_s`, 'points/s', points / settledSeconds);
    if (comparedWith !== undefined) {
      const rate = figures.soFar(name, `${comparedWith}.points_per_s`);
      figures.note(name, `${ingest}.cost_percent`, '%', (1 - points / loadedSeconds / rate) * 100);
    }
  }
  if (bytes !== undefined) figures.note(name, bytes, 'bytes', (await history.bytes()) / points);
}

/** Asks warm and cold; where there is something to compare with, what is answered is compared before. */
export async function askAll(
  questions: readonly Question[],
  asking: Asking,
  { seconds, quick, check }: { readonly seconds: number; readonly quick: boolean; readonly check?: Check },
): Promise<void> {
  for (const question of questions) {
    if (check !== undefined) await answersRightly(question, asking, check);
    await askWarm(question, asking, seconds);
  }
  for (const question of questions) await askCold(question, asking, quick ? 1 : COLD_ASKED);
}

/** Who is asked, about what. */
interface Asking {
  readonly system: string;
  readonly history: OpenHistory;
  readonly probes: readonly Probe[];
  readonly figures: Figures;
  readonly signal: AbortSignal;
}

/** The probes of the nth question of its kind. */
function probesOf(question: Question, probes: readonly Probe[], turn: number): Probe[] {
  if (probes.length < question.probes)
    throw new Fault('internal', `${question.name} wants ${question.probes} tags, the study has ${probes.length}.`);
  return Array.from({ length: question.probes }, (_, i) => probes[(turn * question.probes + i) % probes.length]).filter(
    (probe) => probe !== undefined,
  );
}

/** Asks about every probe once and compares. */
async function answersRightly(question: Question, { history, probes }: Asking, check: Check): Promise<void> {
  const turns = Math.max(1, Math.floor(probes.length / Math.max(1, question.probes)));
  for (let turn = 0; turn < turns; turn++) (await question.ask(history, probesOf(question, probes, turn)))(check);
}

/** What a question took, ms. */
async function timed(history: OpenHistory, ask: () => Promise<unknown>): Promise<number> {
  const askedMs = performance.now();
  await ask();
  return history.ownMs ?? performance.now() - askedMs;
}

/** Asks again and again, of one tag after the other. */
async function askWarm(question: Question, asking: Asking, seconds: number): Promise<void> {
  const { system, history, probes, figures, signal } = asking;
  const times: number[] = [];
  const startMs = performance.now();
  for (let turn = 0; times.length < MOST_ASKED; turn++) {
    const about = probesOf(question, probes, turn);
    const spent = (performance.now() - startMs) / (seconds * 1000);
    if (spent > 1 && times.length >= LEAST_ASKED) break;
    const tookMs = await timed(history, () => question.ask(history, about));
    if (spent >= WARM_UP_SHARE) times.push(tookMs);
    signal.throwIfAborted();
  }
  figures.noteTimes(system, `${question.name}.ms`, 'ms', Float64Array.from(times));
}

/** Asks once after each restart. */
async function askCold(question: Question, asking: Asking, times: number): Promise<void> {
  const { system, history, probes, figures, signal } = asking;
  for (let turn = 0; turn < times; turn++) {
    dropCaches();
    if (!(await history.restart())) return;
    signal.throwIfAborted();
    const about = probesOf(question, probes, turn);
    figures.note(system, `${question.name}.cold_ms`, 'ms', await timed(history, () => question.ask(history, about)));
  }
}
