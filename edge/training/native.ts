import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { nativeInstalled } from '../../models/native.ts';
import { Fault, fromFaultMessage } from '../core/fault.ts';
import type { TrainingNotice, TrainingWorkerData } from './messages.ts';

const MAIN = fileURLToPath(new URL('./native-child.ts', import.meta.url));
/** Networks of this size are no quicker on more threads; and the same history shall give the same model. */
const ENVIRONMENT = {
  TF_NUM_INTRAOP_THREADS: '1',
  TF_NUM_INTEROP_THREADS: '1',
  OMP_NUM_THREADS: '1',
  TF_CPP_MIN_LOG_LEVEL: '2',
};
/** It tells each epoch, and ends learning after a minute by itself. */
const SILENCE_LIMIT_MS = 180_000;
/** Characters of what the child printed that a fault may end with. */
const SAID_LENGTH = 1000;

/**
 * Trainings with native TensorFlow, one at a time, each in a process of its own: threads do not contain crashes of native code (DESIGN, "Processes"). After a process that
 * ended on its own, or could not load the library, it is unusable until the gateway is started again.
 */
export class NativeTrainer {
  private child: ChildProcess | undefined;
  private broken = false;

  /** Whether the next training can run here. */
  usable(): boolean {
    return !this.broken && nativeInstalled();
  }

  /** The process of the training that is under way. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** As `Trainer.train`. The series are copied: after a failure they are still there. */
  async train(data: TrainingWorkerData, onProgress: (done: number) => void): Promise<void> {
    const child = fork(MAIN, {
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, ...ENVIRONMENT },
    });
    this.child = child;
    try {
      const { last, why } = await outcome(child, data, onProgress);
      if (last?.type === 'trained') return;
      this.broken = last === undefined || last.fault.code === 'model-backend-failed';
      if (last !== undefined) throw fromFaultMessage(last.fault);
      throw new Fault('worker-failed', `training with native TensorFlow: ${why}; the next one runs on WASM.`);
    } finally {
      this.child = undefined;
    }
  }

  /** Gives up the training that is under way. */
  async stop(): Promise<void> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
}

interface Outcome {
  /** What it said last, if it came that far. */
  readonly last: Exclude<TrainingNotice, { type: 'progress' }> | undefined;
  readonly why: string;
}

/** Resolves when the process has ended and everything that it sent was heard. */
function outcome(child: ChildProcess, data: TrainingWorkerData, onProgress: (done: number) => void): Promise<Outcome> {
  return new Promise((resolve) => {
    let last: Outcome['last'];
    let why = '';
    let said = '';
    let silent = false;
    // A native call that hangs cannot be asked to end.
    const watchdog = setTimeout(() => {
      silent = true;
      child.kill('SIGKILL');
    }, SILENCE_LIMIT_MS);
    const settle = (): void => {
      clearTimeout(watchdog);
      resolve({ last, why: `${why}${said === '' ? '' : `: ${said.trimEnd()}`}` });
    };
    child.stderr?.on('data', (text: Buffer) => {
      said = (said + text.toString()).slice(-SAID_LENGTH);
    });
    child.on('message', (notice: TrainingNotice) => {
      watchdog.refresh();
      if (notice.type === 'progress') onProgress(notice.done);
      else last = notice;
    });
    child.once('exit', (code, signal) => {
      why = silent
        ? `nothing was heard of it for ${SILENCE_LIMIT_MS / 1000} s`
        : `its process ended with ${signal ?? `exit code ${code}`}`;
      if (!child.connected) settle();
    });
    child.once('disconnect', () => {
      if (why !== '') settle();
    });
    child.on('error', (error) => {
      if (child.pid !== undefined) return;
      why = `its process cannot be started: ${error.message}`;
      settle();
    });
    // Why a process takes no message is told by its end.
    if (child.pid !== undefined) child.send(data, () => undefined);
  });
}
