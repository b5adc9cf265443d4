import { createHash } from 'node:crypto';
import {
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { HandClock } from '../../edge/core/retention/clock-kit.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { double, T0, type Tagged, TestFolder } from '../kit/history-kit.ts';
import { LeftBehind } from '../sql/sql-kit.ts';
import { ColdTable, coveredUs, DAY_US } from './cold-table.ts';
import { ColdTier } from './cold-tier.ts';
import { openDuckdb } from './engine.ts';
import { KnownTables, seenOnly } from './known-tables.ts';
import { ParquetProcess } from './process.ts';
import { SampleReader } from './sample-reader.ts';
import { LocalTierFolder } from './tier-folder.ts';
import { TierKeeper } from './tier-keeper.ts';
import { TierReader } from './tier-reader.ts';

const DAY_MS = DAY_US / 1000;
const FIRST_DAY = Math.floor(T0 / DAY_US);
const duckdb = new ParquetProcess();
afterAll(() => duckdb.close());

/** What a gateway left behind, and lives of the keeper of its cold tier. */
class World implements Disposable {
  readonly left = new LeftBehind();
  readonly folder = new TestFolder();
  readonly clock = new HandClock(T0 / 1000);
  readonly known = new KnownTables(this.folder.file('data/tier/known'));
  table = this.newTable();

  get tierFolder(): string {
    return this.folder.file('tier');
  }

  newTable(): ColdTable {
    return new ColdTable(new LocalTierFolder(this.tierFolder), { seen: this.known });
  }

  /** Of another process. */
  keeper(onDay: (day: number | null) => void = () => undefined): TierKeeper {
    this.table = this.newTable();
    const { clock, table, left } = this;
    const tier = new ColdTier({
      folder: new LocalTierFolder(this.tierFolder),
      table,
      duckdb,
      scratch: this.folder.file('scratch'),
    });
    return new TierKeeper({ source: left.source, table, tier, afterMs: DAY_MS, clock, onDay });
  }

  /** Moves the clock to the beginning of a day. */
  at(day: number): void {
    this.clock.wallMs = (FIRST_DAY + day) * DAY_MS;
  }

  /** The tier has four days of the tags `site/a` and `site/b`, which the store has too. */
  async filled(): Promise<this> {
    await this.left.write(Array.from({ length: 48 }, text), [], [], this.clock);
    this.at(30);
    await this.keeper().look();
    return this;
  }

  /** See `coveredUs`. */
  get coveredUs(): number | undefined {
    const { covered } = this.table;
    return covered && coveredUs(covered);
  }

  fileOf(day: number): string {
    return path.join(this.tierFolder, this.table.day(FIRST_DAY + day)?.name ?? '');
  }

  /** All texts of a tag that lie in the files of days, whatever the table says. */
  async texts(tag: string): Promise<string[]> {
    const { connection, close } = await openDuckdb();
    const files = `${this.tierFolder}/data/*/*.parquet`;
    const read = await connection.runAndReadAll(
      `SELECT text FROM read_parquet('${files}', hive_partitioning = false) WHERE tag = '${tag}' ORDER BY time`,
    );
    close();
    return read.getRows().map(([value]) => String(value));
  }

  /** A bad sector where the store keeps this text. */
  damageStore(said: string): void {
    const folder = this.left.source.folder;
    for (const name of readdirSync(folder).filter((each) => each.endsWith('.mrh'))) {
      const bytes = readFileSync(path.join(folder, name));
      const at = bytes.indexOf(said);
      if (at < 0) continue;
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      writeFileSync(path.join(folder, name), bytes);
    }
  }

  [Symbol.dispose](): void {
    this.left[Symbol.dispose]();
    this.folder[Symbol.dispose]();
  }
}

/** Number `i` of samples that come twelve a day, two tags in turns. */
function text(_: unknown, i: number): Tagged {
  const value = `text ${String(i).padStart(2, '0')}.`;
  return double(i % 2 === 0 ? 'site/a' : 'site/b', i * 7200, 0, { kind: ValueKind.string, value });
}

const erasure = (fromDay: number, toDay: number) => ({
  tags: ['site/a'],
  fromUs: (FIRST_DAY + fromDay) * DAY_US,
  toUs: (FIRST_DAY + toDay) * DAY_US,
  upTo: { samples: 1000 },
});

describe('an erasure in the cold tier', () => {
  test('goes through all days that can be read, and is not done while one cannot; who removes that one has it done', async () => {
    using world = await new World().filled();
    const days = world.table.days.map(({ day }) => day - FIRST_DAY);
    expect(days.length).toBeGreaterThanOrEqual(4);
    const damaged = world.fileOf(1);
    writeFileSync(damaged, 'PAR1 is not all of it PAR1');
    const keeper = world.keeper();
    await expect(keeper.erase(erasure(0, 10))).rejects.toMatchObject({
      code: 'tier-unreadable',
      detail: expect.stringContaining(path.basename(damaged)) as string,
    });
    rmSync(damaged);
    expect([(await world.texts('site/a')).length, (await world.texts('site/b')).length]).toEqual([0, 24 - 6]);
    await keeper.erase(erasure(0, 10));
  });

  test('of a tier that is not there is not done: a disk that is not mounted is not taken for an empty one', async () => {
    using world = await new World().filled();
    const mounted = world.folder.file('tier of another disk');
    const running = world.keeper();
    await running.look();
    renameSync(world.tierFolder, mounted);
    const absent = { code: 'tier-unreachable', detail: expect.stringContaining('Is it mounted?') as string };
    // Whoever had it open, who begins, and who only reads.
    for (const keeper of [running, world.keeper()]) {
      await expect(keeper.erase(erasure(0, 10))).rejects.toMatchObject(absent);
      await expect(keeper.look()).rejects.toMatchObject(absent);
    }
    const place = { folder: world.tierFolder, known: world.known.file };
    const reader = new TierReader(place, world.folder.file('copies'), new SampleReader());
    await expect(reader.contents()).rejects.toMatchObject(absent);
    // Nor one that is of another gateway.
    using other = await new World().filled();
    renameSync(other.tierFolder, world.tierFolder);
    await expect(world.keeper().look()).rejects.toMatchObject({ code: 'tier-unreachable' });
    rmSync(world.tierFolder, { recursive: true });
    renameSync(mounted, world.tierFolder);
    await world.keeper().erase(erasure(0, 10));
    expect(await world.texts('site/a')).toEqual([]);
    // What the fault says helps who wants to begin anew.
    rmSync(world.tierFolder, { recursive: true });
    rmSync(world.known.file);
    await world.keeper().look();
    expect((await world.texts('site/b')).length).toBe(24);
  });
});

/** Hashes of what lies below a folder, by name. */
function contentOf(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map(({ parentPath, name }) => [
      path.relative(folder, path.join(parentPath, name)),
      createHash('sha256')
        .update(readFileSync(path.join(parentPath, name)))
        .digest('hex'),
    ]),
  );
}

const late = (atSeconds: number): Tagged =>
  double('site/a', atSeconds, 0, { kind: ValueKind.string, value: `late ${atSeconds}` });

describe('a day whose file is there and cannot be read', () => {
  test.each<[string, (file: string) => void]>([
    ['is cut short', (file) => truncateSync(file, 100)],
    [
      'has a bad sector',
      (file) => {
        const bytes = readFileSync(file);
        bytes.fill(0xff, 8, Math.floor(bytes.length / 2));
        writeFileSync(file, bytes);
      },
    ],
    [
      'is a folder',
      (file) => {
        rmSync(file);
        mkdirSync(file);
      },
    ],
    [
      'is refused by the system',
      (file) => {
        rmSync(file);
        symlinkSync(path.basename(file), file);
      },
    ],
  ])(
    'because it %s waits with its late samples, and is told and left as it is; all other days go on',
    async (_, spoil) => {
      using world = await new World().filled();
      await world.left.expire(28.5 * DAY_MS, world.clock.wallMs);
      const file = world.fileOf(0);
      const sound = readFileSync(file);
      spoil(file);
      const spoilt = lstatSync(file);
      await world.left.writeMore([late(3601), late(2 * 86_400 + 1)], world.clock);
      world.at(31);
      const keeper = world.keeper();
      const told = { code: 'tier-unreadable', detail: expect.stringContaining(file) as string };
      await expect(keeper.look()).rejects.toMatchObject(told);
      expect([keeper.written, world.table.covered?.untilUs]).toEqual([1, (FIRST_DAY + 30) * DAY_US]);
      expect(world.coveredUs).toBe((FIRST_DAY + 29) * DAY_US);
      // It is tried again, also by another process, and nothing is written in vain.
      const { version } = world.table;
      const again = world.keeper();
      await expect(again.look()).rejects.toMatchObject(told);
      expect([again.written, world.table.version, world.fileOf(0)]).toEqual([0, version, file]);
      expect([lstatSync(file).size, lstatSync(file).mtimeMs]).toEqual([spoilt.size, spoilt.mtimeMs]);
      await expect(again.erase(erasure(0, 10))).rejects.toMatchObject(told);
      rmSync(file, { recursive: true });
      writeFileSync(file, sound);
      await again.look();
      expect([again.written, world.coveredUs]).toEqual([1, (FIRST_DAY + 30) * DAY_US]);
      // The erasure has taken what was there before from the other days.
      expect(await world.texts('site/a')).toEqual(['text 00.', 'late 3601', 'text 02.', 'text 04.', 'text 06.']);
    },
  );
});

describe('another table in the place of the one that is being filled', () => {
  test.each(['before a look', 'while a day is written'])(
    '%s, with the same version, is noticed before anything is written there',
    async (when) => {
      using world = await new World().filled();
      using other = await new World().filled();
      expect(other.table.version).toBe(world.table.version);
      const mounted = `${world.tierFolder} of another disk`;
      const mount = (): void => {
        renameSync(world.tierFolder, mounted);
        renameSync(other.tierFolder, world.tierFolder);
      };
      const keeper = world.keeper((day) => void (day !== null && when === 'while a day is written' && mount()));
      await keeper.look();
      const before = contentOf(other.tierFolder);
      await world.left.writeMore([late(3601)], world.clock);
      if (when === 'before a look') mount();
      const refusal = { code: 'tier-unreachable', detail: expect.stringContaining('Is it mounted?') as string };
      await expect(keeper.look()).rejects.toMatchObject(refusal);
      expect(contentOf(world.tierFolder)).toEqual(before);
      await expect(keeper.erase(erasure(0, 10))).rejects.toMatchObject(refusal);
      expect(contentOf(world.tierFolder)).toEqual(before);
    },
  );

  test('also the same table as somebody else has gone on with it', async () => {
    using world = await new World().filled();
    const keeper = world.keeper((day) => {
      if (day === null) return;
      rmSync(world.tierFolder, { recursive: true });
      cpSync(copy, world.tierFolder, { recursive: true });
    });
    await keeper.look();
    const copy = world.folder.file('a copy');
    cpSync(world.tierFolder, copy, { recursive: true });
    await world.left.writeMore([late(3601)], world.clock);
    await world.keeper().look();
    renameSync(copy, `${copy} as it was`);
    renameSync(world.tierFolder, copy);
    renameSync(`${copy} as it was`, world.tierFolder);
    await expect(keeper.look()).rejects.toMatchObject({ code: 'tier-unreachable' });
    expect(contentOf(world.tierFolder)).toEqual(contentOf(copy));
    await keeper.look();
    expect(await world.texts('site/a')).toContain('late 3601');
  });
});

describe('a day that is there', () => {
  test('is not given up for what the store cannot read any more', async () => {
    using world = await new World().filled();
    const before = await world.texts('site/a');
    world.damageStore('text 02.');
    await world.left.writeMore([late(3601)], world.clock);
    await world.keeper().look();
    const after = await world.texts('site/a');
    expect(after.toSorted()).toEqual([...before, 'late 3601'].toSorted());
    // As far as anybody knows there may be something missing.
    expect(world.table.day(FIRST_DAY)?.gaps).toMatchObject([{ reason: 'historian-damaged' }]);
    expect(await world.texts('site/b')).toHaveLength(24);
  });

  test('and whose file somebody has removed is put away again when late samples come, with what there is, and keeps nothing waiting', async () => {
    using world = await new World().filled();
    await world.left.expire(28.5 * DAY_MS, world.clock.wallMs);
    rmSync(world.fileOf(0));
    await world.left.writeMore([late(3601)], world.clock);
    world.at(31);
    await world.keeper().look();
    expect(world.table.covered?.untilUs).toBe((FIRST_DAY + 30) * DAY_US);
    const gone = { reason: 'tier-missing', fromUs: FIRST_DAY * DAY_US, toUs: (FIRST_DAY + 1) * DAY_US };
    expect(world.table.day(FIRST_DAY)?.gaps).toMatchObject([gone]);
    expect(await world.texts('site/a')).toContain('late 3601');
  });
});

test('what is known of tables survives, is bounded, and is only looked at by who only reads', () => {
  using folder = new TestFolder();
  const file = folder.file('data/tier/known');
  const known = new KnownTables(file);
  expect(known.at('file:///mnt/a')).toBeUndefined();
  for (let i = 0; i < 101; i++) known.note(`file:///mnt/${i}`, `table ${i}`);
  known.note('file:///mnt/50', 'another');
  const again = new KnownTables(file);
  expect([0, 1, 50, 100].map((i) => again.at(`file:///mnt/${i}`))).toEqual([
    undefined,
    'table 1',
    'another',
    'table 100',
  ]);
  const only = seenOnly(again);
  expect(['note' in only, only.at('file:///mnt/1')]).toEqual([false, 'table 1']);
  writeFileSync(file, 'millrace-state 1 tier 3 00000000\n{}\n');
  expect(() => new KnownTables(file).at('file:///mnt/1')).toThrow('it is written again');
});
