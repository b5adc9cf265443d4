import { RandomStream, Wander } from './random.ts';
import { lagShare, stepS } from './time.ts';
import { density, gravity } from './water.ts';

const nominalSpeed = 2900;
/** At nominal speed: head without flow (m), its fall per squared flow (s²/m⁵), best flow (m³/s), shaft power without flow (W) and per flow (W s/m³). */
const shutOffHead = 34;
const headFall = 28_800;
const bestFlow = 62 / 3600;
const idlePower = 3300;
const powerPerFlow = 156_000;

/**
 * A single-stage centrifugal pump: its curve at nominal speed, moved to other speeds by the affinity laws (Q ~ n, H ~ n², P ~ n³), and what cavitation does to it.
 *
 * Sources: J. F. Gülich, "Centrifugal Pumps", chapters 3 (curves, affinity), 4 (part load) and 6 (NPSH, 3 % head drop); ISO 9906.
 */
export class Pump {
  /** Head over the pump; m. */
  head = 25;
  /** Power that its shaft takes; W. */
  shaftPower = 5000;
  /** Net positive suction head, available and required (3 % head drop); m. */
  npshAvailable = 7;
  npshRequired = 4;
  /** How strongly it cavitates: 0 = not, 1 = fully. */
  cavitation = 0;
  /** Distance from the best point; share of it. */
  offBest = 0;
  /** Slope of the head over the flow; s/m². */
  slope = 0;
  private readonly surge: Wander;
  private readonly turbulence: Wander;

  constructor(seed: number) {
    this.surge = new Wander(new RandomStream(seed, 'pump/surge'), 0.8, stepS);
    this.turbulence = new Wander(new RandomStream(seed, 'pump/turbulence'), 0.6, stepS);
  }

  /**
   * @param speed 1/min
   * @param flow m³/s
   * @param suction absolute pressure before the pump above vapour pressure, as head; m
   */
  step(speed: number, flow: number, suction: number): void {
    const ratio = speed / nominalSpeed;
    const square = ratio * ratio;
    const relative = flow / (ratio * bestFlow);
    this.offBest = relative - 1;
    this.npshAvailable = suction;
    this.npshRequired = square * (2.2 + 3 * relative * relative);
    this.cavitate(suction / this.npshRequired);
    const surge = 0.05 * this.cavitation * this.surge.step();
    const collapse = this.collapse(suction / this.npshRequired);
    const wholeness = (1 - 0.06 * this.cavitation - collapse + surge) * (1 + 0.002 * this.turbulence.step());
    this.head = (square * shutOffHead - headFall * flow * flow) * wholeness;
    this.slope = -2 * headFall * flow;
    this.shaftPower = square * ratio * (idlePower + (powerPerFlow * flow) / ratio) * (1 - 0.5 * collapse + 0.5 * surge);
  }

  /** Bubbles begin above the 3 % point and are fully grown at half of it. */
  private cavitate(margin: number): void {
    const wanted = Math.max(0, Math.min(1, (1.15 - margin) / 0.65));
    this.cavitation += bubbleShare * (wanted - this.cavitation);
  }

  /** Far below the required suction head the vapour fills the impeller's eye: head goes, and so flow cannot rise further. */
  private collapse(margin: number): number {
    const depth = Math.max(0, Math.min(1, (0.45 - margin) / 0.45));
    this.choke += bubbleShare * (0.5 * depth - this.choke);
    return this.choke;
  }

  private choke = 0;

  /** Power that the water takes up as heat within the pump; W. */
  heating(flow: number): number {
    return Math.max(0, this.shaftPower - density * gravity * flow * this.head);
  }
}

const bubbleShare = lagShare(0.7);
