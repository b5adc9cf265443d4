import { lagShare, stepS } from './time.ts';

const nominalPower = 7500;
const nominalSpeed = 2900;
const nominalSlip = 0.028;
/** The drive changes its frequency no faster; 1/min per second. */
const ramp = 40;

/** Heat capacities (J/K) and conductances (W/K) of winding, frame and drive-end bearing. */
const windingCapacity = 2000;
const frameCapacity = 6000;
const bearingCapacity = 900;
const windingToFrame = 30;
const frameToAir = 18;
const bearingToFrame = 2.5;
const bearingToAir = 4;

/**
 * An induction motor on a variable-speed drive: slip in proportion to torque, losses (constant, with speed, with load), and their heat in a network of three masses.
 *
 * Sources: IEC 60034-2-1 (kinds of losses), IEC 60034-6 (a fan on the shaft cools with speed), IEC 61800-9-2 (losses of the drive).
 */
export class Motor {
  /** Speed of the shaft; 1/min. */
  speed = 2550;
  /** Taken from the mains, the drive's own losses included; W. */
  electricPower = 6000;
  powerFactor = 0.94;
  /** °C */
  winding = 50;
  frame = 42;
  bearing = 42;
  private frequencySpeed = 2600;

  /**
   * @param setpoint ordered speed; 1/min
   * @param shaftPower W
   * @param vibration at the drive end; mm/s
   * @param air temperature of the hall; °C
   */
  step(setpoint: number, shaftPower: number, vibration: number, air: number): void {
    const way = ramp * stepS;
    this.frequencySpeed += Math.max(-way, Math.min(way, setpoint - this.frequencySpeed));
    const ratio = this.speed / nominalSpeed;
    const load = shaftPower / nominalPower;
    const slip = nominalSlip * (load / ratio);
    this.speed += rotorShare * (this.frequencySpeed * (1 - slip) - this.speed);
    const winding = (40 + 320 * (load / ratio) * (load / ratio)) * (1 + 0.0039 * (this.winding - 60));
    const iron = 150 * ratio * ratio;
    this.electricPower = 110 + 1.02 * (shaftPower + winding + iron);
    this.powerFactor = 0.9 + 0.06 * Math.min(1, load);
    this.heat(winding, iron, 60 * ratio * ratio + 2 * vibration, ratio, air);
  }

  private heat(winding: number, iron: number, friction: number, ratio: number, air: number): void {
    const outward = windingToFrame * (this.winding - this.frame);
    const seat = bearingToFrame * (this.frame - this.bearing);
    const cooling = frameToAir * (0.35 + 0.65 * ratio) * (this.frame - air);
    this.winding += (stepS / windingCapacity) * (winding - outward);
    this.frame += (stepS / frameCapacity) * (outward + iron - cooling - seat);
    this.bearing += (stepS / bearingCapacity) * (friction + seat - bearingToAir * (this.bearing - air));
  }
}

const rotorShare = lagShare(0.4);
