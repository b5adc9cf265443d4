import { parentPort, workerData } from 'node:worker_threads';
import { openWasm } from '../../models/tensorflow.ts';
import { assert } from '../core/fault.ts';
import { learn } from './learn.ts';
import type { TrainingWorkerData } from './messages.ts';

const parent = parentPort;
assert(parent !== null, 'the training runs as a worker thread');

await learn(
  workerData as TrainingWorkerData,
  () => openWasm('learning'),
  (notice) => parent.postMessage(notice),
);
parent.close();
