import { createHash } from 'node:crypto';

import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { CrashDisk, PowerFailure, seeded } from '../edge/core/kit/crash-disk.ts';
import { Fault } from '../edge/core/fault.ts';
import { listVersions, parseModel, readModel, writeModel } from './folder.ts';
import { smallModel } from './model-kit.ts';
import type { Model } from './model.ts';

const folder = '/data/models';
const name = smallModel().spec.name;

function filesOf(disk: CrashDisk): { text: Uint8Array; bytes: Uint8Array } {
  const read = (file: string): Uint8Array => {
    const fd = disk.open(file, 'r');
    const bytes = new Uint8Array(disk.size(fd));
    disk.read(fd, bytes, 0);
    disk.close(fd);
    return bytes;
  };
  return { text: read(`${folder}/${name}/1/model.json`), bytes: read(`${folder}/${name}/1/weights.bin`) };
}

function written(): { text: Uint8Array; bytes: Uint8Array } {
  const disk = new CrashDisk();
  writeModel(disk, folder, '1', smallModel());
  return filesOf(disk);
}

test('a model comes back as it was written, under the same hash', () => {
  const disk = new CrashDisk();
  const hash = writeModel(disk, folder, '1', smallModel());
  expect(readModel(disk, folder, name, '1')).toEqual({ model: smallModel(), hash });
  expect(listVersions(disk, folder, name)).toEqual(['1']);
});

test('a model from before there was `holdS` held values for 10 s', () => {
  const { text, bytes } = written();
  const now = new TextDecoder().decode(text);
  const body = now.slice(now.indexOf('{"format"'), -2).replace(',"holdS":10', '');
  expect(body).not.toContain('holdS');
  const hash = createHash('sha256').update(body).update('\n').update(bytes).digest('hex');
  const old = new TextEncoder().encode(`{"hash":"${hash}","model":${body}}\n`);
  expect(parseModel('x', old, bytes).model).toEqual(smallModel());
});

test('a version is written once', () => {
  const disk = new CrashDisk();
  writeModel(disk, folder, '1', smallModel());
  expect(() => writeModel(disk, folder, '1', smallModel())).toThrow(Fault);
  writeModel(disk, folder, '2', smallModel());
  expect(listVersions(disk, folder, name)).toEqual(['1', '2']);
});

test('whenever the power fails, the version is there whole or not at all, and can be written again', () => {
  for (let calls = 0; calls < 40; calls++)
    for (let seed = 0; seed < 20; seed++) {
      const disk = new CrashDisk();
      disk.callsLeft = calls;
      try {
        writeModel(disk, folder, '1', smallModel());
      } catch (error) {
        if (!(error instanceof PowerFailure) && !(error instanceof Fault)) throw error;
      }
      disk.crash(seeded(seed));
      if (!listVersions(disk, folder, name).includes('1')) writeModel(disk, folder, '1', smallModel());
      expect(readModel(disk, folder, name, '1').model).toEqual(smallModel());
    }
});

test('a version that is not there, or whose name leads elsewhere, is missing', () => {
  const disk = new CrashDisk();
  writeModel(disk, folder, '1', smallModel());
  for (const version of ['2', '..', '../other', 'a/b', ''])
    expect(() => readModel(disk, folder, name, version)).toThrow('There is no such version');
});

test('the right hash alone does not make a model: shapes, bounds and names are checked', () => {
  const good = smallModel();
  const { calibration, features, layers, spec } = good;
  const wrong: Model[] = [
    { ...good, spec: { ...spec, window: 6 } },
    { ...good, spec: { ...spec, signals: ['a', 'a'] } },
    { ...good, spec: { ...spec, signals: ['a', 'b', 'c'] } },
    { ...good, features: { ...features, scale: [1, 0] } },
    { ...good, features: { ...features, tail: 3 } },
    { ...good, layers: [...layers, ...layers.map((layer) => ({ ...layer, inputs: 5 }))] },
    { ...good, layers: [{ inputs: 4, outputs: 4000, activation: 'linear' }] },
    { ...good, calibration: { ...calibration, limits: [1, -1] } },
    { ...good, weights: good.weights.subarray(1) },
    { ...good, weights: good.weights.map((weight, nr) => (nr === 7 ? Number.NaN : weight)) },
  ];
  for (const model of wrong) {
    const disk = new CrashDisk();
    writeModel(disk, folder, '1', model);
    expect(() => readModel(disk, folder, name, '1')).toThrow('The files of a model are damaged');
  }
});

test('property: one changed byte anywhere is a fault, never a model', () => {
  const { bytes, text } = written();
  fc.assert(
    fc.property(fc.boolean(), fc.nat(), fc.integer({ min: 1, max: 255 }), (ofText, place, change) => {
      const files = { text: text.slice(), bytes: bytes.slice() };
      const file = ofText ? files.text : files.bytes;
      file[place % file.length] = (file[place % file.length] ?? 0) ^ change;
      expect(codeOf(files.text, files.bytes)).toBe('model-damaged');
    }),
    { numRuns: 500 },
  );
});

test('property: any bytes, cut or foreign, are a fault', () => {
  const { bytes, text } = written();
  const texts = fc.oneof(cut(text), fc.uint8Array(), fc.json().map(hashed));
  fc.assert(
    fc.property(texts, fc.oneof(cut(bytes), fc.uint8Array(), fc.constant(new Uint8Array())), (one, other) => {
      expect(codeOf(one, other)).toBe('model-damaged');
    }),
    { numRuns: 500 },
  );
});

function cut(whole: Uint8Array): fc.Arbitrary<Uint8Array> {
  return fc.nat({ max: whole.length - 1 }).map((length) => whole.subarray(0, length));
}

function codeOf(text: Uint8Array, bytes: Uint8Array): string {
  try {
    parseModel('here', text, bytes);
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
  return 'none';
}

/** A description whose frame and hash are right, for empty weights. */
function hashed(body: string): Uint8Array {
  const hash = createHash('sha256').update(`${body}\n`).digest('hex');
  return new TextEncoder().encode(`{"hash":"${hash}","model":${body}}\n`);
}
