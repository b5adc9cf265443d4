import { openNative } from '../../models/native.ts';
import { assert } from '../core/fault.ts';
import { learn } from './learn.ts';
import type { TrainingNotice, TrainingWorkerData } from './messages.ts';

assert(process.send !== undefined, 'native training runs as a child process');
const send = process.send.bind(process);
const notify = (notice: TrainingNotice): void => void send(notice);

// Without its gateway nobody wants the model. After our own disconnect everything is said, and there is nothing to lose either.
process.once('disconnect', () => process.exit());
process.once('message', (data: TrainingWorkerData) => void train(data));

async function train(data: TrainingWorkerData): Promise<void> {
  await learn(data, openNative, notify);
  // Only after what was sent has gone.
  process.disconnect();
}
