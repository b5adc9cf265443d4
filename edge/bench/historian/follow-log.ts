import { mostResidentMb } from '../process-usage.ts';
import { foldersIn, follow, openStore } from './fill-store.ts';

/** A process of its own: brings a whole log into a historian, and says how much memory that takes when all is done, and took at most. Argument: the folder of both. */
const [folder = ''] = process.argv.slice(2);
const folders = foldersIn(folder);
const { store } = openStore(folders.historian);
await follow(store, folders, new AbortController().signal);
await store.settled();
const memoryMb = process.memoryUsage.rss() / 1e6;
process.stdout.write(JSON.stringify({ memoryMb, mostMb: mostResidentMb() }));
await store.close();
