import type { RepackState } from '../core/repack/repacking.ts';

/** The part of a log that is used here. */
interface Says {
  warn(members: object, text: string): void;
}

/** Says in the log what kept complete segments from being repacked: they stay as they are, and take more of the disk. */
export class RepackWatch {
  private readonly state: RepackState;
  private readonly logger: Says;
  private failed = 0;
  private fault: RepackState['fault'];

  constructor(state: RepackState, logger: Says) {
    this.state = state;
    this.logger = logger;
  }

  /** Looks; to be called every moment. */
  look(): void {
    const { failed, fault } = this.state;
    if (failed > this.failed)
      this.logger.warn(
        { segments: failed - this.failed },
        'log: segments could not be read, or not written, to be repacked',
      );
    if (fault !== undefined && fault !== this.fault)
      this.logger.warn(
        { fault: fault.code, detail: fault.detail },
        'log: repacking ended; it goes on with the next complete segment',
      );
    this.failed = failed;
    this.fault = fault;
  }
}
