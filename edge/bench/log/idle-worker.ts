import { parentPort } from 'node:worker_threads';

// Keeps the thread alive, as the wait for commands does in each of a gateway's.
parentPort?.on('message', () => undefined);
parentPort?.postMessage('idle');
