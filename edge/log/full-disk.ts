/** The part of a log that is used here. */
interface Says {
  error(text: string): void;
  info(text: string): void;
}

/** Says in the log when the disk is full, and when there is space again: meanwhile the log waits, and so does everybody who sends. */
export class FullDiskWatch {
  private readonly isFull: () => boolean;
  private readonly logger: Says;
  private full = false;

  constructor(isFull: () => boolean, logger: Says) {
    this.isFull = isFull;
    this.logger = logger;
  }

  /** Looks; to be called every moment. */
  look(): void {
    const full = this.isFull();
    if (full === this.full) return;
    this.full = full;
    if (full) this.logger.error('The disk is full: nothing is acknowledged until there is space.');
    else this.logger.info('There is space on the disk again.');
  }
}
