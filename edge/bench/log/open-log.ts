import { Log } from '../../core/log.ts';
import { LogReader } from '../../core/reader.ts';
import { keysOf, roundOf } from './large-log.ts';
import { SampleDecoder } from './sample-decoder.ts';

/** A process of its own: opens a log, reads the last sample of each tag, writes one to each, and says what that took. Arguments: data folder, tags. */
const [dataFolder = '', tagCount = ''] = process.argv.slice(2);
const tags = Number(tagCount);
const log = new Log({ dataFolder, budgetBytes: 1e12, nowMs: Date.now() });
const startMs = performance.now();
await log.open((fault) => {
  throw fault;
});
const openMs = performance.now() - startMs;
const reader = new LogReader({ logFolder: log.folder, topic: 'samples', ends: log.ends });
const decoder = new SampleDecoder();
reader.seek(log.ends.end('samples') - tags);
for (let result = reader.read(); result.kind === 'data'; result = reader.read()) decoder.decode(result.bytes);
if (decoder.tagCount !== tags) throw new Error(`${decoder.tagCount} tags were read`);
const readMb = process.memoryUsage.rss() / 1e6;
const producer = log.producer();
for (const { batch, records } of roundOf(keysOf(tags))) {
  await producer.writable();
  await producer.append('samples', batch, records);
}
const writtenMb = process.memoryUsage.rss() / 1e6;
process.stdout.write(JSON.stringify({ openMs, readMb, writtenMb }));
reader.close();
producer.close();
await log.close();
