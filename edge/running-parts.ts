import { messageOf } from './core/fault.ts';
import { type Part, Supervisor } from './supervise.ts';

type Stop = () => Promise<void> | void;

/** What a gateway has started, and how each of it is stopped: last first. */
export class RunningParts {
  private readonly stops: { readonly name: string; readonly stop: Stop }[] = [];
  private readonly supervisors: Supervisor[] = [];

  /** To be called when something was started. */
  onStop(name: string, stop: Stop): void {
    this.stops.push({ name, stop });
  }

  /** Does something again and again, until it is stopped. */
  every(name: string, ms: number, task: () => void): void {
    const timer = setInterval(task, ms);
    this.onStop(name, () => clearInterval(timer));
  }

  /** A part that follows the log: it waits for `startFollowers`, and is started again when it ends unexpectedly. */
  follow(name: string, part: Part, onRestart: (error: unknown) => void): void {
    const supervisor = new Supervisor({ name, part, onRestart });
    this.supervisors.push(supervisor);
    this.onStop(name, () => supervisor.stop());
  }

  /** Names of the parts that follow the log. */
  get followers(): string[] {
    return this.supervisors.map(({ name }) => name);
  }

  startFollowers(): void {
    for (const supervisor of this.supervisors) supervisor.start();
  }

  /** Stops everything; one that fails does not keep the others, and is told. */
  async stop(onFailure: (name: string, reason: string) => void): Promise<void> {
    for (const { name, stop } of this.stops.splice(0).toReversed()) {
      try {
        await stop();
      } catch (error) {
        onFailure(name, messageOf(error));
      }
    }
  }
}
