import { type ChildProcess, fork } from 'node:child_process';

/** Characters of what a process printed that are kept. */
const SAID_LENGTH = 1000;

/** How a program is started. */
export interface OwnProcessOptions {
  /** JavaScript's memory of the process; left out: what Node gives it. */
  readonly heapMb?: number | undefined;
  /** What it prints about its errors is kept for `said`, and not shown. */
  readonly quiet?: boolean | undefined;
}

/**
 * A program of ours in a process of its own: threads do not contain crashes of native code (DESIGN, "Threads"). It gets nothing of this one's environment: secrets may stand there.
 * `Request`: what it is told.
 */
export class OwnProcess<Request extends object> {
  /** Says how it ended, when everything that it said was heard; never rejects. */
  readonly ended: Promise<string>;
  private readonly child: ChildProcess;
  private printed = '';

  private constructor(child: ChildProcess) {
    this.child = child;
    this.ended = howItEnds(child);
    child.stderr?.on('data', (text: Buffer) => {
      this.printed = (this.printed + text.toString()).slice(-SAID_LENGTH);
    });
  }

  /** Starts the program of a file. */
  static start<Request extends object>(
    file: string,
    onNotice: (notice: never) => void,
    { heapMb, quiet = false }: OwnProcessOptions = {},
  ): OwnProcess<Request> {
    const child = fork(file, {
      execArgv: heapMb === undefined ? [] : [`--max-old-space-size=${heapMb}`],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', quiet ? 'pipe' : 'inherit', 'ipc'],
      env: { TZ: 'UTC' },
    });
    child.on('message', onNotice as (notice: unknown) => void);
    return new OwnProcess(child);
  }

  /** The end of what it printed, if it is quiet. */
  get said(): string {
    return this.printed.trimEnd();
  }

  /** Tells it something. Why a process takes no message is told by its end. */
  post(request: Request): void {
    if (this.child.connected) this.child.send(request, () => undefined);
  }

  /** Ends it at once, whatever it does: a native call that is under way cannot be asked to. */
  kill(): void {
    this.child.kill('SIGKILL');
  }
}

function howItEnds(child: ChildProcess): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let how: string | undefined;
  child.once('exit', (code, signal) => {
    how = `its process ended with ${signal ?? `exit code ${code}`}`;
    if (!child.connected) resolve(how);
  });
  child.once('disconnect', () => {
    if (how !== undefined) resolve(how);
  });
  child.on('error', (error) => {
    if (child.pid === undefined) resolve(`its process cannot be started: ${error.message}`);
  });
  return promise;
}
