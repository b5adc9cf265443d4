import type { SeenText } from './page-checks.ts';

/** Contrast of two colours, 1 to 21 (WCAG 2.2, "contrast ratio"). */
export function contrast(a: readonly number[], b: readonly number[]): number {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].toSorted((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

/** Texts with less contrast than level AA asks for (WCAG 2.2, 1.4.3): 4.5, large ones 3. */
export function faintTexts(texts: readonly SeenText[]): string[] {
  return texts.flatMap(({ text, ink, ground, size, weight }) => {
    const large = size >= 24 || (size >= 18.66 && weight >= 700);
    const ratio = contrast(ink, ground);
    return ratio < (large ? 3 : 4.5) ? [`${ratio.toFixed(2)}: ${text.slice(0, 60)}`] : [];
  });
}

/** Relative luminance of an sRGB colour, 0 to 1 (WCAG 2.2, "relative luminance"). */
function luminance(color: readonly number[]): number {
  const [r = 0, g = 0, b = 0] = color.map((each) => {
    const part = each / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
