import type { Chart, OpenHistory, Span } from './system.ts';
import type { Check, Probe } from './truth.ts';

/** Something that is asked of a loaded store, and how its answer is checked. */
export interface Question {
  /** In the names of figures. */
  readonly name: string;
  /** Asks about these probes; what comes back compares the answer with what is known. */
  readonly ask: (history: OpenHistory, probes: readonly Probe[]) => Promise<(check: Check) => void>;
  /** Probes that one question is about. */
  readonly probes: number;
}

/** The samples of one tag. */
export function rawQuestion(name: string, span: Span): Question {
  return aboutOne(name, async (history, probe) => {
    const answer = await history.raw(probe.tag, span);
    return (check) => check.raw(probe, span, answer());
  });
}

/** A chart of one tag. */
export function chartQuestion(name: string, chart: Chart): Question {
  return aboutOne(name, async (history, probe) => {
    const answer = await history.chart(probe.tag, chart);
    return (check) => check.chart(probe, chart, answer());
  });
}

/** A question about one probe. */
export function aboutOne(
  name: string,
  ask: (history: OpenHistory, probe: Probe) => Promise<(check: Check) => void>,
): Question {
  return {
    name,
    probes: 1,
    ask: (history, [probe]) => (probe === undefined ? Promise.resolve(() => undefined) : ask(history, probe)),
  };
}

/** Charts of many tags at once. */
export function chartsQuestion(name: string, tags: number, chart: Chart): Question {
  return {
    name,
    probes: tags,
    async ask(history, probes) {
      const answer = await history.charts(
        probes.map(({ tag }) => tag),
        chart,
      );
      return (check) => {
        for (const [i, buckets] of answer().entries()) {
          const probe = probes[i];
          if (probe !== undefined) check.chart(probe, chart, buckets);
        }
      };
    },
  };
}

/** The last value of every tag. */
export function latestQuestion(name: string): Question {
  return {
    name,
    probes: 0,
    async ask(history) {
      const answer = await history.latest();
      return (check) => check.latest(answer());
    },
  };
}
