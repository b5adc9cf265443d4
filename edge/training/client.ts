import { Worker } from 'node:worker_threads';
import { Fault, fromFaultMessage } from '../core/fault.ts';
import type { TrainingNotice, TrainingWorkerData } from './messages.ts';
import { NativeTrainer } from './native.ts';

/** How trainings run. */
export interface TrainerOptions {
  /** Whether native TensorFlow is used where it is installed. */
  readonly native: boolean;
  /** Told when it is installed and cannot be loaded; the training goes on with WASM. */
  readonly onFallback: (why: string) => void;
}

/** The main thread's handle of trainings, one at a time, each in a worker (native TensorFlow: a process) of its own: its memory goes with it. */
export class Trainer {
  private readonly options: TrainerOptions;
  private readonly native = new NativeTrainer();
  private worker: Worker | undefined;
  /** No training begins any more. */
  stopped = false;

  constructor(options: TrainerOptions) {
    this.options = options;
  }

  /** Trains a version of a model and writes it to its folder; tells how much is done, 0 to 1. Throws why there is no model. */
  async train(data: TrainingWorkerData, onProgress: (done: number) => void): Promise<void> {
    if (this.stopped) throw new Fault('not-ready', 'The gateway is stopping.');
    if (this.options.native && this.native.usable()) {
      try {
        return await this.native.train(data, onProgress);
      } catch (error) {
        if (this.stopped || !(error instanceof Fault && error.code === 'model-backend-failed')) throw error;
        this.options.onFallback(error.message);
      }
    }
    await this.trainInWorker(data, onProgress);
  }

  private trainInWorker(data: TrainingWorkerData, onProgress: (done: number) => void): Promise<void> {
    const transferList = data.series.flatMap(({ timesUs, values }) => [timesUs.buffer, values.buffer]) as ArrayBuffer[];
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: data,
      transferList,
      name: 'training',
    });
    this.worker = worker;
    return new Promise((resolve, reject) => {
      let cause: Error | undefined;
      let trained = false;
      worker.on('message', (notice: TrainingNotice) => {
        if (notice.type === 'progress') onProgress(notice.done);
        else if (notice.type === 'trained') trained = true;
        else cause = fromFaultMessage(notice.fault);
      });
      worker.on('error', (error: Error) => {
        cause = error;
      });
      worker.on('exit', (code) => {
        this.worker = undefined;
        if (trained) resolve();
        else reject(cause ?? new Fault('worker-failed', `training: exit code ${code}`));
      });
    });
  }

  /** The process of the training that is under way, if it is native. */
  get nativePid(): number | undefined {
    return this.native.pid;
  }

  /** Gives up a training that is under way; what it has written goes unused. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.native.stop();
    await this.worker?.terminate();
  }
}
