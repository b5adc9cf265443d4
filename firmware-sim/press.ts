import { PressProgram, type Part } from './press-program.ts';
import { lagShare, stepS } from './time.ts';

/** Areas of the cylinder, pushing and pulling; m². */
const pushArea = 0.05;
const pullArea = 0.009;
/** Way of the ram from the top to the part; m. */
const openWay = 0.3;
const closingSpeed = 0.26;
const pressingSpeed = 0.03;
const returnSpeed = 0.3;
const holdS = 0.7;
/** Share of the work on the part that stays in it; the rest springs back. */
const plastic = 0.7;
/** Pressures of the oil, gauge: pump idling, closing, returning, friction of the seals; Pa. */
const idlePressure = 12e5;
const closingPressure = 38e5;
const returnPressure = 62e5;
const sealPressure = 6e5;
/** Oil that the pump moves while nothing moves, and while the ram falls with the filling valve open; m³/s. */
const idleFlow = 0.0018;
const closingFlow = 0.002;

export type Phase = 'open' | 'closing' | 'pressing' | 'holding' | 'returning';

/**
 * A hydraulic press and its cycle: open, closing, pressing against the part until the ordered force stands, holding, returning. Force from the part's stiffness, pressure
 * from force over area, power from pressure times flow.
 *
 * Sources: H. Murrenhoff, "Fundamentals of Fluid Power", part 1 (cylinder, pump power); K. Lange, "Handbook of Metal Forming", chapter 2 (cycle of a hydraulic press).
 */
export class Press {
  phase: Phase = 'open';
  /** Way from the top; m. */
  position = 0;
  /** Downwards positive; m/s. */
  speed = 0;
  /** On the part; N. */
  force = 0;
  /** Of the oil in the line, gauge; Pa. */
  pressure = idlePressure;
  /** That the pump gives to the oil; W. */
  hydraulicPower = 0;
  /** Given to the part; W. */
  formingPower = 0;
  /** How hard the frame is hit: decays after contact and release; share. */
  impact = 0;
  strokes = 0;
  private readonly program: PressProgram;
  private part: Part;
  private leftS = 1;

  constructor(seed: number) {
    this.program = new PressProgram(seed);
    this.part = this.program.partAt(0);
  }

  step(timeS: number): void {
    this.formingPower = 0;
    this.impact *= impactKept;
    this.leftS -= stepS;
    let flow = idleFlow;
    let pressure = idlePressure;
    if (this.phase === 'open') {
      this.move(0);
      if (this.leftS <= 0 && this.program.works(timeS)) this.begin(timeS);
    } else if (this.phase === 'closing') {
      this.move(closingSpeed);
      flow = closingFlow;
      pressure = closingPressure;
      if (this.position >= openWay) this.touch();
    } else if (this.phase === 'pressing') {
      flow = pushArea * pressingSpeed;
      pressure = this.press();
    } else if (this.phase === 'holding') {
      this.move(0);
      flow = 0.0004;
      pressure = this.force / pushArea + sealPressure;
      if (this.leftS <= 0) this.release();
    } else {
      this.move(-returnSpeed);
      flow = pullArea * returnSpeed;
      pressure = returnPressure;
      if (this.position <= 0) this.stop();
    }
    this.pressure += pressureShare * (pressure - this.pressure);
    this.hydraulicPower = this.pressure * flow;
  }

  private move(speed: number): void {
    this.speed += speedShare * (speed - this.speed);
    this.position = Math.max(0, this.position + this.speed * stepS);
  }

  private begin(timeS: number): void {
    this.part = this.program.partAt(timeS);
    this.phase = 'closing';
  }

  private touch(): void {
    this.phase = 'pressing';
    this.impact = 1;
    this.speed = pressingSpeed;
  }

  /** The part yields like a spring until the ordered force is there. Answers the pressure that this takes. */
  private press(): number {
    this.move(pressingSpeed);
    const force = Math.min(this.part.force, this.part.stiffness * Math.max(0, this.position - openWay));
    this.formingPower = (plastic * (force + this.force) * this.speed) / 2;
    this.force = force;
    if (force >= this.part.force) {
      this.phase = 'holding';
      this.leftS = holdS;
    }
    return force / pushArea + sealPressure;
  }

  private release(): void {
    this.phase = 'returning';
    this.impact = Math.max(this.impact, (0.7 * this.force) / 800e3);
    this.force = 0;
  }

  private stop(): void {
    this.phase = 'open';
    this.position = 0;
    this.speed = 0;
    this.strokes++;
    this.leftS = this.program.handling(this.part);
  }
}

const pressureShare = lagShare(0.12);
const speedShare = lagShare(0.08);
const impactKept = Math.exp(-stepS / 0.5);
