import path from 'node:path';
import { drive } from './driver.ts';
import type { LogSystem } from './system.ts';

const TAGS = Array.from({ length: 100 }, (_, i) => `northmill/hall1/line1/press/${String(i).padStart(2, '0')}`);

/** SQLite with a write-ahead log and `synchronous = FULL`: a row a sample, a transaction a batch. It works in the thread that produces. */
export const sqlite: LogSystem = {
  name: 'sqlite',
  promises: 'synced to the disk (WAL, synchronous=FULL)',
  async load(load, { folder, signal }) {
    // Node prints a warning when it is loaded: not for every command.
    const { DatabaseSync } = await import('node:sqlite');
    const database = new DatabaseSync(path.join(folder, 'samples.sqlite'));
    try {
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
      database.exec(
        'CREATE TABLE samples (offset INTEGER PRIMARY KEY, tag TEXT, time INTEGER, value REAL, quality INTEGER, flags INTEGER)',
      );
      const insert = database.prepare('INSERT INTO samples (tag, time, value, quality, flags) VALUES (?, ?, ?, 0, 0)');
      let count = 0;
      return await drive(load, 1, signal, () => {
        const nowUs = Date.now() * 1000;
        database.exec('BEGIN');
        for (let i = 0; i < load.batch; i++, count++)
          insert.run(TAGS[count % TAGS.length] ?? '', nowUs + (count % 1000), (count % 4096) / 4);
        database.exec('COMMIT');
        return Promise.resolve();
      });
    } finally {
      database.close();
    }
  },
};
