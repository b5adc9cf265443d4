import path from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Reading } from '../../connectors/contract.ts';
import { type Disk, realDisk } from '../core/disk.ts';
import { type LedgerItem } from '../core/ledger.ts';
import { IntakeKit, message, raw } from '../intake/intake-kit.ts';
import { LedgerBook } from './book.ts';

/** Without syncs: a crash of the process leaves what was written. */
const quickDisk: Disk = { ...realDisk, sync: () => undefined, syncFolder: () => undefined };

type Step = 'take' | 'heartbeat' | 'commit' | 'report' | 'save';

/** Readings of every fate; those with the same `n` are resends. */
function readingsOf(n: number): Reading[] {
  const timeUs = n * 1000;
  return [
    message([raw({ timeUs }), raw({ tag: `t${n % 3}`, timeUs, value: NaN })]),
    message([raw({ tag: 'wrong', timeUs, ...(n > 0 ? { kind: 5, value: 'x' } : {}) })]),
    message([raw({ tag: 'a//b' })], { problems: [{ reason: 'malformed', detail: '' }] }),
    { type: 'event', event: 'refused', source: 'pump-7', bytes: 20_000_000 },
    ...(n % 2 === 0 ? [{ type: 'lost', source: 'pump-7' } as const] : []),
  ];
}

/** What a crash may not change, by row. */
function settledTerms(book: LedgerBook): Record<string, unknown> {
  const rows = book
    .report(new Map())
    .items.map(({ tag, connector, logged, generated, quarantined, refused }: LedgerItem): [string, unknown] => [
      `${connector} ${tag}`,
      { logged, generated, quarantined, refused },
    ]);
  return Object.fromEntries(rows.filter(([, terms]) => Object.values(terms as object).some((n) => n !== 0)));
}

test('after a crash at any point, snapshot and log together give the totals that there were without a crash', async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant<Step>('take') },
    ...(['heartbeat', 'commit', 'report', 'save'] as const).map((own) => ({
      weight: 2,
      arbitrary: fc.constant<Step>(own),
    })),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      await using kit = await IntakeKit.open({ disk: quickDisk, dictionaryDisk: quickDisk });
      const { begin, intake, tally, ranges } = kit.intake();
      const bookOn = (name: string): LedgerBook => {
        const book = new LedgerBook({
          disk: quickDisk,
          file: path.join(kit.folder.data, name),
          logFolder: kit.folder.log,
          ends: kit.ends,
          connectorOf: (tag) => kit.dictionary.find(tag)?.connector ?? '',
        });
        book.open();
        return book;
      };
      const book = bookOn('ledger.json');
      const uncrashed = bookOn('never-saved.json');
      let n = 0;
      const report = (...books: LedgerBook[]): void => {
        const changes = tally.take();
        const covered = ranges.splice(0);
        for (const own of books) own.apply(changes, covered);
      };
      const actions: Record<Step, () => Promise<void> | void> = {
        take: () => begin('', ...readingsOf(Math.floor(n++ / 2))),
        heartbeat: () => intake.event('heartbeat', {}),
        commit: () => kit.held?.commit(),
        report: () => report(book, uncrashed),
        save: () => book.save(),
      };
      for (const own of steps) await actions[own]();
      // The crash: what was not reported or saved is known to `uncrashed` alone.
      report(uncrashed);
      expect(uncrashed.report(new Map()).balanced).toBe(true);
      const restarted = bookOn('ledger.json');
      expect(settledTerms(restarted)).toEqual(settledTerms(uncrashed));
      const { balanced, total } = restarted.report(new Map());
      expect([balanced, total.inFlight]).toEqual([true, 0]);
    }),
    { numRuns: 60 },
  );
}, 120_000);
