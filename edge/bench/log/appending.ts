import type { Figures } from '../figures.ts';
import type { Scenario } from '../scenario.ts';
import type { LoadResult, LogSystem } from './system.ts';

/** Samples of a batch. */
const BATCHES = [1, 10, 100, 1000];
/** What a connector gathers in a moment: the batches of the contract's figure, and of all latencies. */
const USUAL_BATCH = 10;
const STEADY = 100_000;
const BUSY = 1_000_000;

/** As many samples as the system takes, in batches of each size: every size on all systems in turn. */
export function fullRates(systems: readonly LogSystem[]): Scenario[] {
  return BATCHES.flatMap((batch) =>
    systems.map((system) => ({
      title: `${system.name}: full rate, batches of ${batch}`,
      async measure(run) {
        const result = await system.load({ batch, rate: 0, seconds: run.seconds }, run);
        run.figures.note(system.name, `${fullRate(batch)}.records_per_s`, 'samples/s', result.samples / result.seconds);
        if (batch === USUAL_BATCH)
          run.figures.note(
            system.name,
            `${fullRate(batch)}.producers.cpu_us_per_sample`,
            'µs',
            (result.producersCpuSeconds * 1e6) / result.samples,
          );
      },
    })),
  );
}

/** The contract's name is that of the usual batches. */
function fullRate(batch: number): string {
  return batch === USUAL_BATCH ? 'append' : `append.batch_${batch}`;
}

/** From append to durable, at rates that a plant has; of one producer. */
export function steadyLatencies(own: LogSystem, rivals: readonly LogSystem[]): Scenario[] {
  return [atRate(own, STEADY), ...rivals.map((rival) => atRate(rival, STEADY)), atRate(own, BUSY)];
}

function atRate(system: LogSystem, rate: number): Scenario {
  return {
    title: `${system.name}: latency at ${rate.toLocaleString('en')} samples/s`,
    async measure({ figures, seconds, ...place }) {
      const result = await system.load({ batch: USUAL_BATCH, rate, seconds }, place);
      noteLatency(figures, system.name, `append.at_${rate}`, result);
    },
  };
}

/** From append to durable at half of the rate that was measured before. */
export function halfLoadLatency(own: LogSystem): Scenario {
  return {
    title: `${own.name}: latency at half of full load`,
    async measure({ figures, seconds, ...place }) {
      const rate = figures.soFar(own.name, 'append.records_per_s') / 2;
      const result = await own.load({ batch: USUAL_BATCH, rate, seconds }, place);
      noteLatency(figures, own.name, 'append.half_load', result);
    },
  };
}

/** With the rate that came of it: where a system cannot keep up, the times are those of its full load. */
function noteLatency(figures: Figures, system: string, name: string, result: LoadResult): void {
  figures.noteTimes(system, `${name}.ms`, 'ms', result.latenciesMs);
  figures.note(system, `${name}.records_per_s`, 'samples/s', result.samples / result.seconds);
}
