import { setTimeout as pause } from 'node:timers/promises';
import { Fault, messageOf } from '../../edge/core/fault.ts';
import { LOOK_MS, LOOK_AGAIN_MS } from './limits.ts';
import { type PgAddress, PgQuestions } from './pg.ts';

/** What a check is made with. */
export interface ReadingCheckOptions {
  /** Asked at each look: a new password counts then. */
  readonly address: () => Promise<PgAddress>;
  /** Whether rows go in. While they do not, that is what is told, and nothing is looked at. */
  readonly isFed: () => boolean;
  /** Told of each new reason why nothing can be read. */
  readonly report: (fault: Fault) => void;
}

/**
 * Whether history can be read out of QuestDB: rows go in over HTTP, which may ask for no password, and questions go over PostgreSQL's protocol, which does. Looks over a connection of its own
 * each time, because one that is open says nothing of a password that was changed since.
 */
export class ReadingCheck {
  private readonly options: ReadingCheckOptions;
  private fault: Fault | null = null;

  constructor(options: ReadingCheckOptions) {
    this.options = options;
  }

  /** Why nothing can be read, at the last look. */
  get problem(): Fault | null {
    return this.fault;
  }

  /** Looks until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.options.isFed()) await this.look();
      else this.fault = null;
      const isWell = this.fault === null && this.options.isFed();
      await pause(isWell ? LOOK_MS : LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined); // aborted: it ends
    }
  }

  private async look(): Promise<void> {
    const found = await this.ask();
    if (found !== null && found.message !== this.fault?.message) this.options.report(found);
    this.fault = found;
  }

  private async ask(): Promise<Fault | null> {
    try {
      const questions = new PgQuestions(await this.options.address());
      try {
        await questions.ask('SELECT 1', []);
      } finally {
        await questions.close();
      }
      return null;
    } catch (error) {
      return error instanceof Fault ? error : new Fault('internal', messageOf(error), { cause: error });
    }
  }
}
