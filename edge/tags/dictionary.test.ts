import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Disk, realDisk } from '../core/disk.ts';
import { Fault } from '../core/fault.ts';
import { type DiskCall, systemError, TracedDisk } from '../core/kit/traced-disk.ts';
import { type NewTag, TagDictionary } from './dictionary.ts';

let folder = '';
const file = (): string => path.join(folder, 'dictionary');

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'millrace-tags-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Without syncs: what they are for is tested with the calls themselves. */
const quickDisk: Disk = { ...realDisk, sync: () => undefined, syncFolder: () => undefined };

function opened(disk: Disk = quickDisk): TagDictionary {
  const dictionary = new TagDictionary(disk, folder);
  dictionary.open();
  return dictionary;
}

function tag(name: string, type: NewTag['type'] = null): NewTag {
  return {
    path: `northmill/${name}`,
    type,
    unit: null,
    class: 'standard',
    connector: 'floor',
    source: 'pump-7',
    createdUs: 1584440073000000,
  };
}

/** Everything that a dictionary knows, read from its file. */
function reopened(): { path: string; id: number; type: string | null }[] {
  const dictionary = opened();
  const all = dictionary.all().map(({ path: of, id, type }) => ({ path: of, id, type }));
  dictionary.close();
  return all;
}

/** Where each frame of the file begins, and its end. */
function frames(bytes: Buffer): number[] {
  const places = [0];
  for (let at = 0; at < bytes.length;) {
    at += 8 + bytes.readUInt32BE(at);
    places.push(at);
  }
  return places;
}

/** Bodies of the frames. */
function framesOf(bytes: Buffer): string[] {
  const places = frames(bytes);
  return places.slice(1).map((end, i) => bytes.toString('utf8', (places[i] ?? 0) + 8, end));
}

function codeOf(work: () => void): string | undefined {
  try {
    work();
  } catch (error) {
    return error instanceof Fault ? error.code : String(error);
  }
  return undefined;
}

describe('what was added', () => {
  test('is there again after the next open, with its id, type, connector, source and time', () => {
    const dictionary = opened();
    const entries = dictionary.append([tag('loop/pressure', 'double'), tag('loop/running')], []);
    dictionary.append([tag('loop/flow')], [{ id: 2, type: 'boolean', atUs: 1584440074000000 }]);
    dictionary.close();
    expect(entries.map(({ id }) => id)).toEqual([1, 2]);
    const again = opened();
    expect(again.all()).toEqual([
      { id: 1, ...tag('loop/pressure', 'double') },
      { id: 2, ...tag('loop/running', 'boolean') },
      { id: 3, ...tag('loop/flow') },
    ]);
    expect(again.find('NORTHMILL/Loop/Flow')?.id).toBe(3);
    expect(again.byId(2)?.path).toBe('northmill/loop/running');
    expect(again.byId(4)).toBeUndefined();
    expect(again.find('northmill/loop')).toBeUndefined();
    expect(again.changes()).toEqual([1, 2, 3, 2]);
    again.close();
  });

  test('a class stands there where it is not standard; a dictionary of before there were classes has standard tags', () => {
    const dictionary = opened();
    dictionary.append([tag('a'), { ...tag('b'), class: 'critical' }, { ...tag('c'), class: 'bulk' }], []);
    dictionary.close();
    const bodies = framesOf(readFileSync(file()));
    expect(bodies.map((body) => JSON.parse(body) as unknown)).toMatchObject([
      { id: 1 },
      { id: 2, class: 'critical' },
      { id: 3, class: 'bulk' },
    ]);
    expect(bodies[0]).toBe(
      '{"op":"add","id":1,"path":"northmill/a","type":null,"connector":"floor","source":"pump-7","at":1584440073000000}',
    );
    const again = opened();
    expect(again.all().map(({ class: kept }) => kept)).toEqual(['standard', 'critical', 'bulk']);
    again.close();
  });

  test('is synced before append returns, and an empty append does not touch the disk', () => {
    const disk = new TracedDisk();
    const dictionary = opened(disk);
    disk.calls.length = 0;
    expect(dictionary.append([], [])).toEqual([]);
    expect(disk.calls).toEqual([]);
    dictionary.append([tag('a'), tag('b')], []);
    expect(disk.calls.map(({ op }) => op)).toEqual(['write', 'sync']);
    dictionary.close();
  });

  test('ids are dense and never used again, however often the dictionary is opened', () => {
    const appends = fc.array(fc.array(fc.boolean(), { maxLength: 5 }), { maxLength: 12 });
    fc.assert(
      fc.property(appends, (groups) => {
        rmSync(file(), { force: true });
        const model: { path: string; id: number; type: string | null }[] = [];
        for (const group of groups) {
          const dictionary = opened();
          const unknown = model.filter(({ type }) => type === null).slice(0, 2);
          const tags = group.map((typed, i) => tag(`t${model.length + i}`, typed ? 'double' : null));
          const learned = unknown.map(({ id }) => ({ id, type: 'long' as const, atUs: 1 }));
          for (const { path: of, id, type } of dictionary.append(tags, learned)) model.push({ path: of, id, type });
          for (const entry of unknown) entry.type = 'long';
          dictionary.close();
        }
        expect(reopened()).toEqual(model);
        expect(model.map(({ id }) => id)).toEqual(model.map((_, i) => i + 1));
      }),
      { numRuns: 40 },
    );
  });

  test('a path may hold any text that a tag may have, and a source any text at all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), (source, name) => {
        rmSync(file(), { force: true });
        const dictionary = opened();
        dictionary.append([{ ...tag(name), source }], []);
        dictionary.close();
        const again = opened();
        expect(again.byId(1)).toEqual({ id: 1, ...tag(name), source });
        again.close();
      }),
      { numRuns: 50 },
    );
  });
});

describe('a torn tail', () => {
  test('is cut at every byte: what was whole before stays, and the next id follows it', () => {
    const dictionary = opened();
    dictionary.append([tag('a', 'double')], []);
    dictionary.append([tag('b'), tag('c')], []);
    dictionary.append([], [{ id: 2, type: 'long', atUs: 5 }]);
    dictionary.close();
    const whole = readFileSync(file());
    const places = frames(whole);
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(file(), whole.subarray(0, length));
      const kept = places.findLastIndex((place) => place <= length);
      const again = opened();
      expect(again.size, `cut at ${length}`).toBe(Math.min(kept, 3));
      expect(statSync(file()).size).toBe(places[kept]);
      expect(again.append([tag('d')], []).map(({ id }) => id)).toEqual([Math.min(kept, 3) + 1]);
      again.close();
      expect(reopened()).toHaveLength(Math.min(kept, 3) + 1);
    }
  });

  test('of zeros, as a file system leaves it after a power failure, is cut too', () => {
    const dictionary = opened();
    dictionary.append([tag('a')], []);
    dictionary.close();
    const whole = readFileSync(file());
    for (const zeros of [1, 7, 8, 100, 5000]) {
      writeFileSync(file(), Buffer.concat([whole, Buffer.alloc(zeros)]));
      expect(reopened().map(({ id }) => id)).toEqual([1]);
      expect(statSync(file()).size).toBe(whole.length);
    }
  });
});

describe('damage before the end', () => {
  test('of any byte stops the start: ids must not be guessed', () => {
    const dictionary = opened();
    dictionary.append([tag('a', 'double'), tag('b')], []);
    dictionary.append([tag('c')], [{ id: 2, type: 'long', atUs: 5 }]);
    dictionary.close();
    const whole = readFileSync(file());
    const last = frames(whole).at(-2) ?? 0;
    for (let at = 0; at < last; at++)
      for (const bit of [0, 3, 7]) {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        writeFileSync(file(), bytes);
        expect(codeOf(opened), `bit ${bit} of byte ${at}`).toBe('tag-dictionary-damaged');
        expect(readFileSync(file()).equals(bytes), 'nothing is changed').toBe(true);
      }
  });

  test('a frame that is missing or stands there twice is damage', () => {
    const dictionary = opened();
    dictionary.append([tag('a'), tag('b'), tag('c')], []);
    dictionary.close();
    const whole = readFileSync(file());
    const [first = 0, second = 0, third = 0, end = 0] = frames(whole);
    const [a, b, c] = [whole.subarray(first, second), whole.subarray(second, third), whole.subarray(third, end)];
    for (const parts of [
      [b, c],
      [a, c],
      [a, a, b],
      [a, b, b],
      [b, a, c],
    ]) {
      writeFileSync(file(), Buffer.concat(parts));
      expect(codeOf(opened)).toBe('tag-dictionary-damaged');
    }
  });

  test('a whole frame with a body that makes no sense is damage, also at the end', () => {
    const dictionary = opened();
    dictionary.append([tag('a')], []);
    dictionary.append([], [{ id: 1, type: 'long', atUs: 5 }]);
    dictionary.close();
    const whole = readFileSync(file());
    const typeFrame = whole.subarray(frames(whole)[1]);
    writeFileSync(file(), typeFrame);
    expect(codeOf(opened), 'a type for an id that is not there').toBe('tag-dictionary-damaged');
  });

  test('any other bytes never throw anything but the fault, and never give an id twice', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (noise, behindTag) => {
        rmSync(file(), { force: true });
        const dictionary = opened();
        if (behindTag) dictionary.append([tag('a')], []);
        dictionary.close();
        const whole = readFileSync(file());
        writeFileSync(file(), Buffer.concat([whole, noise]));
        const code = codeOf(() => expect(reopened().map(({ id }) => id)).toEqual(behindTag ? [1] : []));
        expect([undefined, 'tag-dictionary-damaged']).toContain(code);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a disk that fails', () => {
  test('a failing sync gives no tag away, and nothing is added after it', () => {
    const disk = new TracedDisk();
    const dictionary = opened(disk);
    dictionary.append([tag('a')], []);
    disk.before = (call: DiskCall) => {
      if (call.op === 'sync') throw systemError('EIO');
    };
    expect(codeOf(() => dictionary.append([tag('b'), tag('c')], [{ id: 1, type: 'long', atUs: 5 }]))).toBe(
      'file-unwritable',
    );
    disk.before = undefined;
    expect(dictionary.all()).toEqual([{ id: 1, ...tag('a') }]);
    expect(codeOf(() => dictionary.append([tag('d')], []))).toBe('file-unwritable');
    expect(dictionary.find('northmill/d')).toBeUndefined();
    dictionary.close();
    // The frames may have reached the disk: then the tags are whole, with the ids that nobody was told.
    expect(reopened().map(({ id }) => id)).toEqual([1, 2, 3]);
  });

  test('a full disk gives no tag away; when there is space again the next addition takes the same id', () => {
    const disk = new TracedDisk();
    const dictionary = opened(disk);
    dictionary.append([tag('a')], []);
    const before = statSync(file()).size;
    disk.before = (call: DiskCall) => {
      if (call.op !== 'write') return;
      // Some of it was written before the disk was full.
      writeFileSync(file(), Buffer.alloc(300, 7), { flag: 'a' });
      throw systemError('ENOSPC');
    };
    expect(codeOf(() => dictionary.append([tag('b'), tag('c')], []))).toBe('file-unwritable');
    disk.before = undefined;
    expect(statSync(file()).size).toBe(before);
    expect(dictionary.size).toBe(1);
    expect(dictionary.append([tag('d')], []).map(({ id }) => id)).toEqual([2]);
    dictionary.close();
    expect(reopened().map(({ path: of }) => of)).toEqual(['northmill/a', 'northmill/d']);
  });

  test('what open finds is written again and synced: after a kill it may stand in the page cache alone', () => {
    const first = opened();
    first.append([tag('a')], []);
    first.close();
    const disk = new TracedDisk();
    const dictionary = opened(disk);
    const ops = disk.calls.map(({ op, bytes }) => (op === 'write' ? `write ${bytes}` : op));
    expect(ops).toEqual(['makeFolder', 'open', `write ${statSync(file()).size}`, 'sync', 'syncFolder']);
    dictionary.close();
    expect(reopened()).toHaveLength(1);
  });
});

describe('read only', () => {
  test('a missing file is an empty dictionary, and none is made', () => {
    const dictionary = new TagDictionary(realDisk, path.join(folder, 'nowhere'));
    dictionary.openReadOnly();
    expect(dictionary.all()).toEqual([]);
    expect(codeOf(() => statSync(path.join(folder, 'nowhere')))).toContain('ENOENT');
  });

  test('a torn tail is passed over and left as it is', () => {
    const writer = opened();
    writer.append([tag('a')], []);
    writer.close();
    const torn = Buffer.concat([readFileSync(file()), Buffer.from([0, 0, 0, 9, 1])]);
    writeFileSync(file(), torn);
    const dictionary = new TagDictionary(realDisk, folder);
    dictionary.openReadOnly();
    expect(dictionary.all().map(({ id }) => id)).toEqual([1]);
    expect(readFileSync(file()).equals(torn)).toBe(true);
  });

  test('damage is damage', () => {
    const writer = opened();
    writer.append([tag('a'), tag('b')], []);
    writer.close();
    const bytes = readFileSync(file());
    bytes[12] = (bytes[12] ?? 0) ^ 1;
    writeFileSync(file(), bytes);
    expect(codeOf(() => new TagDictionary(realDisk, folder).openReadOnly())).toBe('tag-dictionary-damaged');
  });
});
