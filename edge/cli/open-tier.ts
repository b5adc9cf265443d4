import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { PendingErasure } from '../../historian/parquet/cold-rows.ts';
import { Tier } from '../../historian/parquet/tier.ts';
import type { Config } from '../config/schema.ts';
import { realDisk } from '../core/disk.ts';
import { ErasureBook, isDone } from '../erasures/book.ts';
import { notDoneIn } from '../erasures/not-done.ts';
import { TagDictionary } from '../tags/dictionary.ts';
import { TIER, tierPlace } from '../tier-part.ts';

/** The cold tier of a configuration for a command, which closes it; undefined: none is configured. It is opened when it is first needed. What is to be erased from it is out of its answers. Throws `state-damaged`. */
export function openTier({ data, historian }: Pick<Config, 'data' | 'historian'>): Tier | undefined {
  const { tier } = historian;
  if (tier === undefined) return undefined;
  const copies = mkdtempSync(path.join(os.tmpdir(), 'millrace-tier-'));
  // Also where a command ends without closing it: a closed pipe, a limit that was too short.
  process.once('exit', () => rmSync(copies, { recursive: true, force: true }));
  const opened = new Tier({ place: () => tierPlace(tier, data), copies, folder: tier.folder });
  for (const erasure of notDone(data)) opened.hide(erasure);
  return opened;
}

function notDone(data: string): readonly PendingErasure[] {
  const book = new ErasureBook(realDisk, path.join(data, 'erasures.json'));
  book.open();
  if (book.orders.every(isDone)) return [];
  const dictionary = new TagDictionary(realDisk, path.join(data, 'tags'));
  dictionary.openReadOnly();
  try {
    return notDoneIn(TIER, book.orders, dictionary);
  } finally {
    dictionary.close();
  }
}
