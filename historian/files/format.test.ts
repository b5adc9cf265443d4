import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { realDisk } from '../../edge/core/disk.ts';
import { type Sample, ValueKind } from '../../edge/core/sample.ts';
import { StoredFile } from './file.ts';
import { FileWriter } from './file-writer.ts';
import { TestFolder } from '../kit/history-kit.ts';
import { readManifest, writeManifest } from './manifest.ts';
import { Points } from '../points/points.ts';
import { putSample } from '../points/put-sample.ts';
import { SeriesIndex } from './series-index.ts';

const page = readFileSync(new URL('../FORMAT.md', import.meta.url), 'utf8');

/** Content of the page's code block with this info string. */
function codeBlock(info: string): string {
  const content = page.split(`\`\`\`${info}\n`)[1]?.split('\n```')[0];
  if (content === undefined) throw new Error(`no block ${info}`);
  return content;
}

/** Rows of the table of the worked example. */
const rows = page
  .split('## Worked example')[1]
  ?.split('\n')
  .filter((line) => line.startsWith('| `northmill/'))
  .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')))
  .map(([, tag = '', time, kind, value, quality, flags, deviceTime, offset]) => ({
    tag,
    timeUs: Number(time),
    kind: Number(kind),
    value: value === 'true' ? true : Number(value),
    quality: Number(quality),
    flags: Number(flags),
    deviceTimeUs: deviceTime === '' ? null : Number(deviceTime),
    serverTimeUs: null,
    topic: 'samples',
    offset: Number(offset),
  }));

const example = Buffer.from(codeBlock('hex file').replaceAll(/\s/g, ''), 'hex');

test('the page’s example file decodes to the page’s samples', () => {
  using folder = new TestFolder();
  writeFileSync(folder.file('0000000001.mrh'), example);
  const file = new StoredFile(realDisk, folder.path, entry());
  const series = new SeriesIndex();
  file.open(series, () => 0);
  const [pressure = -1] = file.series;
  const known = file.blocks(pressure, 0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)?.summary?.(0);
  const found = [...file.series].flatMap((id) => {
    const list = file.blocks(id, 0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
    const points = list?.load(0);
    if (!(points instanceof Points)) throw new Error('not readable');
    return Array.from({ length: points.count }, (_, i) => ({ tag: series.tag(id), ...points.sample(i, ['samples']) }));
  });
  file.release();
  expect(rows).toHaveLength(3);
  expect(found).toEqual(rows);
  expect(known?.summary).toEqual(JSON.parse(codeBlock('json summary')));
});

/** The file's entry in the page's manifest. */
function entry() {
  using folder = new TestFolder();
  writeFileSync(folder.file('MANIFEST'), `${codeBlock('text manifest')}\n`);
  const file = readManifest(realDisk, folder.path)?.files[0];
  if (file === undefined) throw new Error('the manifest names no file');
  return file;
}

test('the page’s samples are written as the page’s file', () => {
  using folder = new TestFolder();
  const writer = new FileWriter(realDisk, folder.file('0000000001.mrh'));
  writer.open();
  for (const tag of ['northmill/loop/pressure', 'northmill/loop/running']) {
    const ours = rows?.filter((row) => row.tag === tag) ?? [];
    const points = new Points(ours.length);
    for (const row of ours) {
      const sample: Sample = { ...row, kind: row.kind === 1 ? ValueKind.boolean : ValueKind.double };
      putSample(points, row.timeUs, row.offset, sample, row.deviceTimeUs ?? Number.NaN);
    }
    writer.beginSeries(new TextEncoder().encode(tag), 0);
    writer.add(points);
  }
  const written = writer.finish(['samples'], { sinceMs: 1584440100000, writtenMs: 1584440100000, erased: 0 });
  expect(readFileSync(folder.file('0000000001.mrh')).toString('hex')).toBe(example.toString('hex'));
  expect(written).toEqual(entry());
});

test('the page’s manifest is read and written again as it stands', () => {
  using folder = new TestFolder();
  writeFileSync(folder.file('MANIFEST'), `${codeBlock('text manifest')}\n`);
  const manifest = readManifest(realDisk, folder.path);
  if (manifest === undefined) throw new Error('no manifest');
  expect(manifest.topics).toEqual([{ topic: 'samples', position: 45, lastMs: 1584440073500, lost: 42 }]);
  const { logId, epoch, next, topics, files, lost, unreadable, expired, lastErasure, erasures } = manifest;
  const again = { logId, epoch, next, topics, files, lost, unreadable, expired, lastErasure, erasures };
  writeManifest(realDisk, folder.path, again);
  expect(readFileSync(folder.file('MANIFEST'), 'utf8')).toBe(`${codeBlock('text manifest')}\n`);
});
