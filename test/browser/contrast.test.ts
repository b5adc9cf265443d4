import { expect, test } from 'vitest';
import { contrast, faintTexts } from './contrast.ts';

test('contrast is as in the examples of WCAG', () => {
  expect(contrast([0, 0, 0], [255, 255, 255])).toBeCloseTo(21, 5);
  expect(contrast([255, 255, 255], [255, 255, 255])).toBe(1);
  expect(contrast([118, 118, 118], [255, 255, 255])).toBeCloseTo(4.54, 2);
});

test('a faint text is found, a large one may have less', () => {
  const text = { text: 'x', ink: [140, 140, 140], ground: [255, 255, 255], size: 14, weight: 400 };
  expect(faintTexts([text])).toEqual(['3.36: x']);
  expect(
    faintTexts([
      { ...text, size: 24 },
      { ...text, size: 19, weight: 700 },
    ]),
  ).toEqual([]);
});
