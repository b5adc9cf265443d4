import { describe, expect, test } from 'vitest';
import { pauseBefore } from './back-off.ts';
import { assetOf, below, groupByAsset, nameOf, protocolOf } from './grouping.ts';
import { qualityText, severityOf } from './quality.ts';
import { SPARK_HEIGHT, sparkPath } from './sparkline.ts';
import { joined, keepChoice, MAX_LINES, readChoice, toggled } from './trend-choice.ts';

/** Heights of the corners of a small line, from above. */
function heights(values: readonly number[]): number[] {
  return Array.from(sparkPath(values).matchAll(/[ML]\S+ (\S+?)(?=L|$)/g), ([, y]) => Number(y));
}

function refuse(): void {
  throw new Error('full');
}

describe('assets', () => {
  const paths = ['s/water/loop1/flow', 's/press/p1/force', 's/water/loop1/a', 's/water/score', 'top'];
  const tags = paths.map((path) => ({ path }));
  const grouped = (search?: string) =>
    groupByAsset(tags, search).map((asset) => [asset.path, asset.levels, asset.tags.map(({ path }) => nameOf(path))]);

  test('tags stand with their asset, both in the order of paths', () => {
    expect(grouped()).toEqual([
      ['', [], ['top']],
      ['s/press/p1', ['press', 'p1'], ['force']],
      ['s/water', ['water'], ['score']],
      ['s/water/loop1', ['water', 'loop1'], ['a', 'flow']],
    ]);
  });

  test('a search wants every word, anywhere in the path, in any case', () => {
    expect(grouped('WATER fl').map(([path]) => path)).toEqual(['s/water/loop1']);
    expect(grouped('  ')).toHaveLength(4);
    expect(grouped('nothing')).toEqual([]);
  });

  test('paths are taken apart', () => {
    expect([assetOf('a/b/c'), nameOf('a/b/c'), below('a/b/c', 'a'), below('ab/c', 'a')]).toEqual([
      'a/b',
      'c',
      'b/c',
      'ab/c',
    ]);
  });

  test.each([
    ['mqtt-broker', 'MQTT'],
    ['mqtt-client', 'MQTT'],
    ['opcua', 'OPC UA'],
    ['modbus', 'Modbus'],
    ['', 'Calculated'],
    ['new-kind', 'new-kind'],
  ])('kind %s is %s', (kind, name) => {
    expect(protocolOf({ kind: '', connector: 'import' })).toBe('Imported');
    expect(protocolOf({ kind, connector: '' })).toBe(name);
  });
});

test.each([
  [0, 'good', ''],
  [0x00960000, 'good', ''],
  [0x40000000, 'uncertain', 'uncertain 0x40000000'],
  [0x40900000, 'uncertain', 'last usable value'],
  [0x80310000, 'bad', 'no communication'],
  [0x80310400, 'bad', 'no communication'],
  [0x80ff0000, 'bad', 'bad 0x80FF0000'],
  [0xc0000000, 'bad', 'bad 0xC0000000'],
] as const)('quality %d is %s: %s', (code, severity, text) => {
  expect([severityOf(code), qualityText(code)]).toEqual([severity, text]);
});

test('pauses between attempts grow to half a minute, and are spread', () => {
  expect([0, 1, 2, 3, 4, 5, 60].map((attempt) => pauseBefore(attempt, () => 1))).toEqual([
    1000, 2000, 4000, 8000, 16_000, 30_000, 30_000,
  ]);
  expect(pauseBefore(0, () => 0)).toBe(750);
});

describe('the small line', () => {
  test('goes through the readings, a higher one higher', () => {
    const [low = 0, high = 0, between = 0] = heights([10, 20, 15]);
    expect([low > between, between > high]).toEqual([true, true]);
    expect(Math.min(low, high)).toBeGreaterThanOrEqual(0);
    expect(Math.max(low, high)).toBeLessThanOrEqual(SPARK_HEIGHT);
  });

  test('small noise stays small, one reading draws nothing', () => {
    const [a = 0, b = 0] = heights([1000, 1001]);
    expect(Math.abs(a - b)).toBeLessThan(2);
    expect(sparkPath([5])).toBe('');
    expect(heights([0, 0])).toEqual([SPARK_HEIGHT / 2, SPARK_HEIGHT / 2]);
  });
});

describe('what the trend shows', () => {
  const letters = ['a', 'b', 'c', 'd', 'e', 'f'];

  test('a tag comes and goes; a seventh takes the place of the oldest', () => {
    expect(toggled(['a'], 'b')).toEqual(['a', 'b']);
    expect(toggled(['a', 'b'], 'a')).toEqual(['b']);
    expect(toggled(letters, 'g')).toEqual(['b', 'c', 'd', 'e', 'f', 'g']);
    expect(joined(['a', 'b'], ['b', 'c'])).toEqual(['a', 'b', 'c']);
    expect(joined(letters, ['x', 'y'])).toHaveLength(MAX_LINES);
  });

  test('is kept, and read back', () => {
    const kept = new Map<string, string>();
    keepChoice({ setItem: (key, value) => void kept.set(key, value) }, { tags: ['a/b'], rangeMs: 3_600_000 });
    expect(readChoice({ getItem: (key) => kept.get(key) ?? null })).toEqual({ tags: ['a/b'], rangeMs: 3_600_000 });
  });

  test.each([null, '', '{', '[]', '{"tags":7,"rangeMs":"x"}', '{"rangeMs":1}', 'null'])(
    'what cannot be read (%s) is nothing',
    (text) => {
      expect(readChoice({ getItem: () => text })).toEqual({ tags: [], rangeMs: 300_000 });
    },
  );

  test('a browser that keeps nothing is no error', () => {
    expect(() => keepChoice({ setItem: refuse }, { tags: [], rangeMs: 1 })).not.toThrow();
  });
});
