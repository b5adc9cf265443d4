import type { Clock } from '../../edge/core/clock.ts';
import { Fault, type FaultCode } from '../../edge/core/fault.ts';

/** Between two reports. */
const TELL_EVERY_MS = 60_000;

/** What is refused one by one, told in bounded numbers: the first at once, then how many there were in a minute, with the first of them. Rows that QuestDB cannot take, unless told. */
export class Refusals {
  private readonly clock: Pick<Clock, 'monotonicMs'>;
  private readonly report: (fault: Fault) => void;
  private readonly code: FaultCode;
  private readonly things: string;
  private first = '';
  private count = 0;
  private toldMs = Number.NEGATIVE_INFINITY;

  constructor(
    clock: Pick<Clock, 'monotonicMs'>,
    report: (fault: Fault) => void,
    code: FaultCode = 'questdb-row-refused',
    things = 'rows',
  ) {
    this.clock = clock;
    this.report = report;
    this.code = code;
    this.things = things;
  }

  /** One of them, and why. */
  add(what: string): void {
    if (this.count++ === 0) this.first = what;
    this.tellIfDue();
  }

  tellIfDue(): void {
    if (this.clock.monotonicMs() - this.toldMs >= TELL_EVERY_MS) this.tell();
  }

  /** Tells what was not told yet. */
  tell(): void {
    const { count, first, code, things } = this;
    if (count === 0) return;
    this.count = 0;
    this.toldMs = this.clock.monotonicMs();
    this.report(new Fault(code, count === 1 ? first : `${count} ${things}, the first of them: ${first}`));
  }
}
