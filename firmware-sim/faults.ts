import { RandomStream } from './random.ts';
import { stepS } from './time.ts';

export const faultNames = ['valve-partly-closed', 'cavitation', 'drifting-sensor'] as const;
export type FaultName = (typeof faultNames)[number];

/** What a fault is, before it happens. Severity and onset are drawn from the plant's seed, evenly inside these bands, anew each time it begins. */
interface FaultKind {
  /** For people, in a sentence. */
  readonly description: string;
  /** How bad it gets; its unit is the kind's own. */
  readonly severity: readonly [number, number];
  /** From the first trace to the full fault; s. */
  readonly onsetS: readonly [number, number];
  /** From switching off to no trace; s. */
  readonly recoveryS: number;
  /** Readings that deviate most against their normal noise, the most first; see README.md for the figures. */
  readonly signals: readonly string[];
}

const kinds: Readonly<Record<FaultName, FaultKind>> = {
  // Where the plug gets stuck; share of the stroke (normal: 0.63 to 0.77).
  'valve-partly-closed': {
    description: 'The control valve of the water loop sticks partly closed, while its reported position goes on.',
    severity: [0.42, 0.5],
    onsetS: [6, 14],
    recoveryS: 4,
    signals: ['flow', 'return-temperature', 'power', 'discharge-pressure'],
  },
  // Added loss of the suction strainer; s²/m⁵ (clean: 4,000).
  cavitation: {
    description: 'The suction strainer of the pump clogs, and the pump begins to cavitate.',
    severity: [42_000, 52_000],
    onsetS: [8, 18],
    recoveryS: 4,
    signals: ['suction-pressure', 'vibration-peak', 'flow', 'discharge-pressure', 'vibration-de'],
  },
  // How far the transmitter drifts in all; bar.
  'drifting-sensor': {
    description: 'The transmitter of the discharge pressure drifts upwards; the pressure itself stays.',
    severity: [1, 1.4],
    onsetS: [40, 55],
    recoveryS: 0.5,
    signals: ['discharge-pressure'],
  },
};

/** All faults stand on this asset. */
const faultyAsset = 'water/loop1';

/** A fault as it is now. */
export interface FaultState {
  readonly name: FaultName;
  readonly description: string;
  readonly asset: string;
  /** Paths of the signals that show it first, below the site. */
  readonly signals: readonly string[];
  readonly active: boolean;
  /** Simulated time of its beginning, µs since the epoch; null while it is not there. */
  readonly sinceUs: number | null;
}

/** One fault over time: how far it has grown, and how bad it will get. */
export class Fault {
  readonly name: FaultName;
  /** 0 = not there, 1 = fully grown. */
  growth = 0;
  /** Of the present or the last occurrence. */
  severity: number;
  private sinceUs: number | null = null;
  private onsetS = 1;
  private readonly kind: FaultKind;
  private readonly random: RandomStream;

  constructor(seed: number, name: FaultName) {
    this.name = name;
    this.kind = kinds[name];
    this.random = new RandomStream(seed, `fault/${name}`);
    this.severity = this.kind.severity[0];
  }

  /** Begins it; without effect while it is there. */
  begin(timeUs: number): void {
    if (this.sinceUs !== null) return;
    this.sinceUs = timeUs;
    this.severity = this.random.between(...this.kind.severity);
    this.onsetS = this.random.between(...this.kind.onsetS);
  }

  end(): void {
    this.sinceUs = null;
  }

  step(): void {
    if (this.sinceUs !== null) this.growth = Math.min(1, this.growth + stepS / this.onsetS);
    else if (this.growth > 0) this.growth = Math.max(0, this.growth - stepS / this.kind.recoveryS);
  }

  get state(): FaultState {
    const signals = this.kind.signals.map((signal) => `${faultyAsset}/${signal}`);
    const { description } = this.kind;
    return {
      name: this.name,
      description,
      asset: faultyAsset,
      signals,
      active: this.sinceUs !== null,
      sinceUs: this.sinceUs,
    };
  }
}

export function isFaultName(name: string): name is FaultName {
  return faultNames.some((known) => known === name);
}
