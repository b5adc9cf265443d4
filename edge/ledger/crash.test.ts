import path from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Reading } from '../../connectors/contract.ts';
import { type Disk, realDisk } from '../core/disk.ts';
import { eachRecord } from '../core/each-record.ts';
import { INTAKE_TERMS, type LedgerItem, newCounts, Term } from '../core/ledger.ts';
import { surviveCrashes } from '../core/progress/crash-kit.ts';
import { StateFile } from '../core/progress/state-file.ts';
import { SampleKey } from '../core/sample-key.ts';
import { ValueKind } from '../core/sample.ts';
import { TOPICS } from '../core/topics.ts';
import { TAG_CLASSES } from '../core/topics.ts';
import { IntakeKit, message, raw } from '../intake/intake-kit.ts';
import { LedgerBook } from './book.ts';

/** Without syncs: a crash of the process leaves what was written. */
const quickDisk: Disk = { ...realDisk, sync: () => undefined, syncFolder: () => undefined };

type Step = 'take' | 'heartbeat' | 'commit' | 'report' | 'save';

/** Readings of every fate; those with the same `n` are resends. */
function readingsOf(n: number): Reading[] {
  const timeUs = n * 1000;
  return [
    message([raw({ timeUs }), raw({ tag: `t${n % 3}`, timeUs, value: NaN, class: TAG_CLASSES[n % 3] ?? 'standard' })]),
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
        heartbeat: () => intake.heartbeat({}),
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

const TAGS = ['a', 'b'].map((name) => `northmill/${name}`);

test('power that fails at any call of the disk: every sample counts once, and the snapshot is never ahead of the counts', async () => {
  const keys = TAGS.map((tag) => SampleKey.of(tag));
  const counts = await surviveCrashes(
    {
      topics: TOPICS,
      input: 'samples',
      encode(encoder, i, random, nowMs) {
        const sample = { timeUs: nowMs * 1000, kind: ValueKind.double, value: i, quality: 0, flags: 0 };
        encoder.addSample(keys[random(2)] ?? SampleKey.of(''), { ...sample, serverTimeUs: null });
      },
      start({ disk, logFolder, ends }) {
        const options = { disk, file: '/data/ledger.json', logFolder, ends, connectorOf: () => 'floor' };
        const book = new LedgerBook(options);
        book.open();
        let next = ends.end('samples');
        return {
          /** As the intake tells it of what has become durable. */
          work() {
            const told = (tag: string, offset: number): void => {
              const terms = newCounts();
              for (const term of ['received', 'logged'] as const) terms[Term[term]] = 1;
              book.apply(
                [{ tag, connector: 'floor', counts: terms }],
                [{ topic: 'samples', first: offset, last: offset }],
              );
              next = offset + 1;
            };
            eachRecord(logFolder, 'samples', ends, next, (cursor) => told(cursor.keyText(), cursor.offset), disk);
          },
          save: () => book.save(),
          saved() {
            const file = new StateFile({ ...options, consumer: 'ledger', remedy: '' });
            const content = file.read() as { covered: Record<string, { prefix: number }> } | undefined;
            return content?.covered['samples']?.prefix ?? 0;
          },
          output() {
            const { items, balanced } = book.report(new Map());
            if (!balanced) throw new Error('the ledger does not balance');
            return items.flatMap((item) =>
              INTAKE_TERMS.flatMap((term) => Array.from({ length: item[term] }, () => `${item.tag} ${term}`)),
            );
          },
          stop: () => book.save(),
          kill: () => undefined,
        };
      },
    },
    { seeds: 40, records: 40 },
  );
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(40);
});
