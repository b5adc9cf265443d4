/** Devices whose clocks are shown; of more than these the first. */
const MAX_DEVICES = 1000;

/** How far the clocks of devices are from the gateway's: of each source the last sample that had a time of its own. */
export class ClockOffsets {
  private readonly seconds = new Map<string, number>();
  private changed = new Map<string, number>();

  /** A sample of a source: its device's time, and when it arrived, µs. Backfilled ones say nothing about a clock. */
  note(source: string, deviceUs: number, arrivalUs: number): void {
    if (this.seconds.size >= MAX_DEVICES && !this.seconds.has(source)) return;
    const seconds = (deviceUs - arrivalUs) / 1e6;
    this.seconds.set(source, seconds);
    this.changed.set(source, seconds);
  }

  /** Offsets that have changed since the last call: positive is ahead. */
  take(): Record<string, number> {
    const taken = Object.fromEntries(this.changed);
    this.changed = new Map();
    return taken;
  }
}
