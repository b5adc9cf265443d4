import { readFileSync } from 'node:fs';
import { Log } from '../../edge/core/log.ts';
import { LogReader } from '../../edge/core/reader.ts';

// Opens a log, reads a piece of it and appends to it, as a process of its own whose memory can be measured. Arguments: data folder. Prints one line of JSON.
const [, , dataFolder = ''] = process.argv;

const startMs = performance.now();
const log = new Log({ dataFolder, budgetBytes: 1e12, nowMs: Date.now() });
await log.open((fault) => {
  throw fault;
});
const openMs = performance.now() - startMs;
const end = log.ends.end('samples');
const reader = new LogReader({ logFolder: log.folder, topic: 'samples', ends: log.ends });
const seeks = Array.from({ length: 200 }, (_, i) => {
  const offset = Math.floor((end / 200) * i);
  reader.seek(offset);
  const fromMs = performance.now();
  const result = reader.read(4096);
  const right = result.kind === 'data' && result.baseOffset <= offset && result.nextOffset > offset;
  return { ms: performance.now() - fromMs, right };
});
reader.close();
const peakMb = Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1000;
await log.close();
const seekMs = seeks.map(({ ms }) => ms).toSorted((a, b) => a - b);
const wrong = seeks.filter(({ right }) => !right).length;
process.stdout.write(`${JSON.stringify({ openMs, end, wrong, seekMs: seekMs[100], peakMb })}\n`);
