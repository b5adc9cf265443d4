import { byId, setText } from './dom.ts';
import { siteClock, wallMs } from './site-clock.ts';

/** Times before it are those of somebody who is still typing the year. */
const FIRST_MS = 0;

/** Where the trend begins, on the clock of the site: shown, and set by whoever looks for an earlier day. */
export class StartInput {
  private readonly input = byId('start') as HTMLInputElement;
  private readonly zone = byId('zone');

  constructor(onChosen: (fromMs: number) => void) {
    this.input.addEventListener('change', () => {
      const shownMs = Date.parse(`${this.input.value}Z`);
      if (!(shownMs >= FIRST_MS)) return;
      const [fromMs = shownMs] = siteClock.instantsOf(shownMs);
      onChosen(fromMs);
    });
  }

  /** Shows where it begins, unless somebody is about to change it. */
  show(fromMs: number): void {
    setText(this.zone, siteClock.zone);
    if (document.activeElement === this.input) return;
    const text = new Date(wallMs(siteClock.at(fromMs))).toISOString().slice(0, 16);
    if (this.input.value !== text) this.input.value = text;
  }
}
