/**
 * The media type out of `offered` (best first) that an Accept header likes best (RFC 9110, section 12.5.1); undefined if it takes none of them.
 * No header takes anything.
 */
export function negotiate(accept: string | undefined, offered: readonly string[]): string | undefined {
  const ranges = (accept === undefined || accept.trim() === '' ? '*/*' : accept).split(',').map(parseRange);
  let best: string | undefined;
  let bestWeight = 0;
  for (const type of offered) {
    const weight = weightOf(type, ranges);
    if (weight <= bestWeight) continue;
    best = type;
    bestWeight = weight;
  }
  return best;
}

interface Range {
  readonly type: string;
  readonly weight: number;
}

function parseRange(text: string): Range {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith('q='));
  const value = weight === undefined ? 1 : Number(weight.slice(2));
  return { type, weight: Number.isFinite(value) ? value : 0 };
}

/** The most specific range decides. */
function weightOf(type: string, ranges: readonly Range[]): number {
  const family = `${type.split('/')[0]}/*`;
  for (const candidate of [type, family, '*/*']) {
    const range = ranges.find((each) => each.type === candidate);
    if (range !== undefined) return range.weight;
  }
  return 0;
}
