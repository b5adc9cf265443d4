import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyLengths, anyRows, cut, type Row, rowsOf } from './analysis-kit.ts';
import { AtTime } from './at-time.ts';
import { CounterTotals } from './counter-totals.ts';
import { Counter } from './counters.ts';
import { MinMax } from './downsample.ts';
import { EventFrames } from './event-frames.ts';
import { Lttb } from './lttb.ts';
import type { Piece } from './piece.ts';

interface Suspendable<State> {
  state(): State;
  restore(state: State): void;
}

/** Runs an analysis; with `moves` its state goes to a new one before each piece, as it goes to another thread. */
function answersOf<State, Analysis extends Suspendable<State>>(
  make: () => Analysis,
  step: (analysis: Analysis, piece: Piece | null) => readonly unknown[],
  pieces: readonly Piece[],
  moves: boolean,
): unknown[] {
  let analysis = make();
  return [...pieces, null].flatMap((piece) => {
    if (moves) {
      const state = structuredClone(analysis.state());
      analysis = make();
      analysis.restore(state);
    }
    return step(analysis, piece);
  });
}

const grid = { originUs: 0, widthUs: 20, count: 20 };
const edges = Float64Array.from({ length: 20 }, (_, i) => i * 15);
const buckets = { count: 19, starts: edges.subarray(0, 19), ends: edges.subarray(1) };

type Check = (pieces: readonly Piece[], moves: boolean) => unknown[];

/** One step of an analysis that gives rows. */
function rowsStep(analysis: { add(piece: Piece): Piece; finish(): Piece }, piece: Piece | null): Row[] {
  return rowsOf(piece === null ? analysis.finish() : analysis.add(piece));
}

const analyses: Readonly<Record<string, Check>> = {
  MinMax: (pieces, moves) => answersOf(() => new MinMax(grid), rowsStep, pieces, moves),
  'Lttb by time': (pieces, moves) => answersOf(() => new Lttb({ by: 'time', grid }), rowsStep, pieces, moves),
  'Lttb by count': (pieces, moves) =>
    answersOf(() => new Lttb({ by: 'count', total: 30, points: 10 }), rowsStep, pieces, moves),
  AtTime: (pieces, moves) =>
    answersOf(
      () => new AtTime(edges, { rule: 'interpolated', stepped: false, slopedExtrapolation: true }),
      (analysis, piece) => {
        if (piece === null) analysis.finish();
        else analysis.add(piece);
        const rows = rowsOf(analysis.out);
        analysis.out.reset();
        return rows;
      },
      pieces,
      moves,
    ),
  EventFrames: (pieces, moves) =>
    answersOf(
      () =>
        new EventFrames(
          { when: 'above', limit: 0, deadband: 2, for: 0.002, bridge: 0.005, stale: 0.02 },
          { fromUs: 5, toUs: 150 },
        ),
      (analysis, piece) => (piece === null ? analysis.finish() : analysis.add(piece)),
      pieces,
      moves,
    ),
  Counter: (pieces, moves) =>
    answersOf(
      () => new Counter({ rollover: 8, correction: 1 }, [{ timeUs: 20, readings: { last: 9, first: 1 } }]),
      (analysis, piece) => {
        const steps = piece === null ? analysis.finish() : analysis.add(piece);
        return [...rowsOf(steps), ...analysis.events.splice(0), ...analysis.impossible.splice(0)];
      },
      pieces,
      moves,
    ),
  CounterTotals: (pieces, moves) => {
    const counter = new Counter({ correction: 0 });
    return answersOf(
      () => new CounterTotals(buckets),
      (analysis, piece) => [
        ...rowsOf(analysis.add(piece === null ? counter.finish() : counter.add(piece))),
        ...(piece === null ? rowsOf(analysis.finish()) : []),
      ],
      pieces,
      moves,
    );
  },
};

test.each(Object.entries(analyses))('%s goes on in another thread where it was', (_name, check) => {
  fc.assert(
    fc.property(anyRows(fc.integer({ min: -9, max: 9 })), anyLengths, (rows, lengths) => {
      expect(check(cut(rows, lengths), true)).toEqual(check(cut(rows, lengths), false));
    }),
  );
});
