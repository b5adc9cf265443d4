import { RandomStream } from './random.ts';
import { Sensor } from './sensor.ts';
import type { DeviceKind, Protocol, Signal } from './signal.ts';
import { hourS, stepS } from './time.ts';

/** A device at an asset: reads its sensors about once a second by its own clock, and stamps them with it. */
export interface Device {
  readonly asset: string;
  readonly name: string;
  readonly protocol: Protocol;
  readonly signals: readonly Signal[];
  /** Place of its first signal among all signals of the plant; the others follow. */
  readonly first: number;
  /** Lets its instruments respond to one step. */
  follow(): void;
  /** Whether it reads within the step that ends at this time; s since the plant's beginning. */
  due(timeS: number): boolean;
  /** Reads all its signals into `values`; answers the time by its clock; µs since the plant's beginning. */
  scan(values: Float64Array): number;
}

/** A device of some kind on some asset, hidden behind `Device` so that a plant can hold devices of all assets in one list. */
export function createDevice<Asset>(
  seed: number,
  place: { readonly path: string; readonly asset: Asset; readonly first: number },
  kind: DeviceKind<Asset>,
): Device {
  const { asset, first, path } = place;
  const random = new RandomStream(seed, `device/${path}/${kind.name}`);
  const clock = createClock(random, kind);
  const sensors = kind.signals.map(({ name, sensor }) =>
    sensor === 'counter' ? undefined : new Sensor(seed, `${path}/${name}`, sensor),
  );
  const truths = kind.signals.map(({ of }) => of);
  // Only a slow instrument has to be shown every step; the others feel what is there when they are read.
  const slow = [...sensors.keys()].filter((nr) => sensors[nr]?.slow === true);
  const count = truths.length;
  return {
    asset: path,
    name: kind.name,
    protocol: kind.protocol,
    first,
    signals: kind.signals.map(({ name, unit }) => ({
      path: `${path}/${name}`,
      asset: path,
      name,
      unit,
      protocol: kind.protocol,
      device: kind.name,
    })),
    follow: () => {
      for (const nr of slow) sensors[nr]?.follow(truths[nr]?.(asset) ?? Number.NaN);
    },
    due: (timeS) => clock.due(timeS),
    scan: (values) => {
      for (let nr = 0; nr < count; nr++) {
        const sensor = sensors[nr];
        if (sensor?.slow !== true) sensor?.follow(truths[nr]?.(asset) ?? Number.NaN);
        values[first + nr] = sensor === undefined ? (truths[nr]?.(asset) ?? Number.NaN) : sensor.read();
      }
      return clock.readUs();
    },
  };
}

interface DeviceClock {
  due(timeS: number): boolean;
  readUs(): number;
}

/** A cheap quartz: its second is a little long or short, its time a little off; once an hour it is set right but for the offset. */
function createClock(random: RandomStream, kind: DeviceKind<never>): DeviceClock {
  const { driftPpm, offsetS } = kind.clock;
  const drift = random.between(-driftPpm, driftPpm) * 1e-6;
  const offset = random.between(-offsetS, offsetS);
  const setPhase = random.between(0, hourS);
  let ticks = 0;
  let readS = 0;
  const phase = random.between(0.1, 0.9);
  const nextS = (): number => (phase + ticks) * (1 - drift) + kind.jitterS * random.between(-1, 1);
  let dueS = nextS();
  return {
    due: (timeS) => {
      if (dueS > timeS) return false;
      readS = Math.max(dueS, timeS - stepS);
      ticks++;
      dueS = nextS();
      return true;
    },
    readUs: () => Math.round(1e6 * (readS + offset + drift * ((readS + setPhase) % hourS))),
  };
}
