import { barPerMetre } from './water.ts';
import { stepS } from './time.ts';

/** Flow through the open valve at 1 bar, and the rangeability of its equal-percentage characteristic (IEC 60534-2-1, IEC 60534-2-4). */
const kvs = 160;
const rangeability = 30;
const strokePerS = 0.015;
const deadband = 0.002;

/** The control valve with its positioner. What the positioner reports and where the plug stands are two things once it sticks. */
export class ControlValve {
  /** Where the positioner believes the plug to be; share of full stroke. */
  reported = 0.7;
  /** Where the plug is; share of full stroke. */
  opening = 0.7;

  /** @param stuck 0 = free, 1 = the plug stands at `stuckAt` whatever the positioner does. */
  step(setpoint: number, stuck: number, stuckAt: number): void {
    const error = setpoint - this.reported;
    if (Math.abs(error) > deadband) {
      const way = strokePerS * stepS;
      this.reported += Math.max(-way, Math.min(way, error));
    }
    this.opening = this.reported + stuck * (stuckAt - this.reported);
  }

  /** Head loss per squared flow: Δp = (Q/Kv)² with Q in m³/h and Δp in bar; s²/m⁵. */
  resistance(): number {
    const kv = kvs * rangeability ** (this.opening - 1);
    return (3600 / kv) ** 2 / barPerMetre;
  }
}
