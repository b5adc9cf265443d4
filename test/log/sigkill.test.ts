import { describe, expect, test } from 'vitest';
import { figure } from '../end-to-end/figures.ts';
import { random, testSeed } from '../end-to-end/random.ts';
import { requireService } from '../services/require.ts';
import { segmentFiles } from './log-kit.ts';
import { Victim } from './victim.ts';

const kafka = requireService('kafka');
const kills = process.env['MILLRACE_LONG'] === '1' ? 300 : 40;

describe.skipIf(!kafka.available)(`SIGKILL of the process that writes ${kafka.reason}`, () => {
  test(`${kills} times at random moments, while it opens and under load: everything acknowledged is there, in order, and nothing else`, async () => {
    const choose = random(testSeed());
    using victim = new Victim();
    let reopened = 0;
    const complaints: unknown[] = [];
    for (let run = 1; run <= kills; run++) {
      const early = run % 5 === 0;
      await victim.killOne(run, early, choose.whole(0, early ? 250 : 400));
      // Not each time: a recovery must bear to be killed, and what it left to be recovered again.
      if (choose.next() < 0.3) continue;
      reopened++;
      await victim.reopen();
      if (run % 10 < 4) complaints.push(...(await victim.complaints(run === 12 || run === 31)));
    }
    const records = await victim.reopen(true);
    expect([...complaints, ...(await victim.complaints(true))]).toEqual([]);
    figure('processes killed', kills);
    figure('times opened by this test', reopened);
    figure('batches acknowledged', victim.acknowledged.count);
    figure('records read', records);
    figure('segments of samples', segmentFiles(victim.log, 'samples', '.log').length);
    expect(victim.acknowledged.count).toBeGreaterThan(kills * 10);
    expect(segmentFiles(victim.log, 'samples', '.log').length).toBeGreaterThan(1);
  }, 1_800_000);
});
