import { RandomStream, Wander } from './random.ts';
import { stepS } from './time.ts';

/** Oil: 400 l with 870 kg/m³ and 1.9 kJ/(kg K). Cooler and its thermostat. */
const oilCapacity = 661_000;
const tankWall = 45;
const coolerConductance = 420;
const coolOn = 45.5;
const coolOff = 43.5;
/** Tool: heat capacity (J/K) and conductance to air and spray (W/K). */
const dieCapacity = 30_000;
const dieConductance = 120;
/** Cabinet with the electronics: heat capacity (J/K), conductance (W/K), own losses (W). */
const cabinetCapacity = 9000;
const cabinetConductance = 55;
const cabinetLoss = 330;

/** Where the press's power ends: heat balances of oil (with a cooler switched by a thermostat), tool and cabinet. */
export class PressHeat {
  /** °C */
  oil = 44.5;
  die = 38;
  cabinet = 30;
  cooling = false;
  private readonly spray: Wander;

  constructor(seed: number) {
    this.spray = new Wander(new RandomStream(seed, 'press/spray'), 30, stepS);
  }

  /** @param hydraulic power given to the oil; W @param forming power given to the part; W @param electric power drawn; W @param air °C */
  step(hydraulic: number, forming: number, electric: number, air: number): void {
    if (this.oil > coolOn) this.cooling = true;
    if (this.oil < coolOff) this.cooling = false;
    const cooler = this.cooling ? coolerConductance : 0;
    this.oil += (stepS / oilCapacity) * (hydraulic - forming - (tankWall + cooler) * (this.oil - air));
    const spray = 1 + 0.05 * this.spray.step();
    this.die += (stepS / dieCapacity) * (0.9 * forming - dieConductance * spray * (this.die - air));
    this.cabinet +=
      (stepS / cabinetCapacity) * (cabinetLoss + 0.02 * electric - cabinetConductance * (this.cabinet - air));
  }
}
