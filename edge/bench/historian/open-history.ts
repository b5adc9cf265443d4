import { openStore } from './fill-store.ts';

/** A process of its own: opens the files of a historian as a gateway does at its start, and says what that took. Argument: their folder. */
const [folder = ''] = process.argv.slice(2);
const startMs = performance.now();
const { store } = openStore(folder);
const openMs = performance.now() - startMs;
const memoryMb = process.memoryUsage.rss() / 1e6;
process.stdout.write(JSON.stringify({ openMs, memoryMb }));
await store.close();
