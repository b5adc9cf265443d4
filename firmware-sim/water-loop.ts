import type { FaultName } from './faults.ts';
import { Fault } from './faults.ts';
import { Demand } from './demand.ts';
import type { Hall } from './hall.ts';
import { HeatExchanger } from './heat-exchanger.ts';
import type { Mains } from './mains.ts';
import { Motor } from './motor.ts';
import { PowerMeter } from './power-meter.ts';
import { Pump } from './pump.ts';
import { Tank } from './tank.ts';
import { stepS } from './time.ts';
import { ControlValve } from './valve.ts';
import { PumpVibration } from './vibration.ts';
import { airPressure, barPerMetre, gravity, heatPerVolume, vapourPressure } from './water.ts';

/** Head loss per squared flow of pipes and machines, and of the clean suction line; s²/m⁵. */
const pipeResistance = 53_000;
const suctionResistance = 4000;
/** Pump above the tank's floor; m. */
const suctionLift = 3.2;
/** Length over cross-section of all pipes: the inertia of the water in them; 1/m. */
const inertance = 80 / 0.00785;
/** Water inside the cooled machines; m³. */
const machineContent = 0.07;

/**
 * The asset `water/loop1`: sump, pump on a drive, control valve, heat exchanger, cooled machines, and back.
 *
 * Flow from the balance of heads over the moved water, (L/gA) dQ/dt = H(Q, n) - lift - R Q|Q|, solved by one implicit Newton step a time step, so that it stays stable
 * however far the valve closes.
 */
export class WaterLoop {
  readonly demand: Demand;
  readonly valve = new ControlValve();
  readonly tank = new Tank();
  readonly exchanger = new HeatExchanger();
  readonly motor = new Motor();
  readonly pump: Pump;
  readonly vibration: PumpVibration;
  readonly meter: PowerMeter;
  readonly faults: Readonly<Record<FaultName, Fault>>;
  /** m³/s */
  flow = 0.014;
  /** Absolute, before and behind the pump; bar. */
  suctionPressure = 0.74;
  dischargePressure = 2.9;
  /** Behind the cooled machines; °C. */
  returnTemperature = 28.5;

  constructor(seed: number) {
    this.demand = new Demand(seed);
    this.pump = new Pump(seed);
    this.vibration = new PumpVibration(seed);
    this.meter = new PowerMeter(seed, 'pump');
    this.faults = {
      'valve-partly-closed': new Fault(seed, 'valve-partly-closed'),
      cavitation: new Fault(seed, 'cavitation'),
      'drifting-sensor': new Fault(seed, 'drifting-sensor'),
    };
  }

  step(timeS: number, hall: Hall, mains: Mains): void {
    const { demand, motor, pump, vibration } = this;
    demand.step(timeS);
    this.stepFaults();
    this.stepFlow();
    vibration.step(motor.speed, pump.shaftPower, pump.offBest, pump.cavitation);
    motor.step(demand.speedSetpoint, pump.shaftPower, vibration.driveEnd, hall.temperature);
    this.meter.step(motor.electricPower, motor.powerFactor, mains);
    this.stepHeat(hall.temperature);
  }

  /** How far the discharge transmitter is off; bar. */
  get dischargeDrift(): number {
    const drift = this.faults['drifting-sensor'];
    return drift.growth * drift.severity;
  }

  private stepFaults(): void {
    const { faults } = this;
    const stuck = faults['valve-partly-closed'];
    stuck.step();
    faults.cavitation.step();
    faults['drifting-sensor'].step();
    this.valve.step(this.demand.valveSetpoint, stuck.growth, stuck.severity);
  }

  private stepFlow(): void {
    const { faults, flow, motor, pump, tank } = this;
    const suction = suctionResistance + faults.cavitation.growth * faults.cavitation.severity;
    const vapour = vapourPressure(tank.temperature);
    const standing = airPressure + tank.pressure - suctionLift * barPerMetre;
    const pressure = standing - suction * flow * Math.abs(flow) * barPerMetre;
    this.suctionPressure = Math.max(vapour, pressure);
    pump.step(motor.speed, flow, Math.max(0, pressure - vapour) / barPerMetre);
    this.dischargePressure = this.suctionPressure + pump.head * barPerMetre;
    const resistance = pipeResistance + suction + this.valve.resistance();
    const surplus = pump.head - tank.lift - resistance * flow * Math.abs(flow);
    const slope = pump.slope - 2 * resistance * Math.abs(flow);
    const pace = (stepS * gravity) / inertance;
    this.flow = flow + (pace * surplus) / (1 - pace * slope);
  }

  private stepHeat(air: number): void {
    const { exchanger, flow, pump, tank } = this;
    const through = Math.max(flow, 1e-4);
    const warmed = tank.temperature + pump.heating(flow) / (heatPerVolume * through);
    exchanger.step(flow, warmed, 15 + 0.3 * (air - 22));
    const exchanged = flow * (exchanger.supply - this.returnTemperature) + this.demand.heat / heatPerVolume;
    this.returnTemperature += (stepS * exchanged) / machineContent;
    tank.step(flow, this.returnTemperature, air);
  }
}
