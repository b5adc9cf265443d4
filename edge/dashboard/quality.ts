/* OPC UA StatusCodes as a person reads them (OPC UA Part 4, 7.39). Pure. */

export type Severity = 'good' | 'uncertain' | 'bad';

/** Severity bits of a StatusCode. */
export function severityOf(code: number): Severity {
  const bits = code >>> 30;
  return bits === 0 ? 'good' : bits === 1 ? 'uncertain' : 'bad';
}

/** Codes that a gateway gives often, in words. */
const WORDS: Readonly<Record<number, string>> = {
  0x40900000: 'last usable value',
  0x40940000: 'outside its range',
  0x80050000: 'communication error',
  0x800a0000: 'time-out',
  0x80310000: 'no communication',
  0x803c0000: 'out of range',
  0x80890000: 'configuration error',
  0x808b0000: 'device failure',
  0x808c0000: 'sensor failure',
  0x809b0000: 'no data',
};

/** What is wrong, in a few words; empty for Good. */
export function qualityText(code: number): string {
  const severity = severityOf(code);
  if (severity === 'good') return '';
  const known = WORDS[(code & 0xffff0000) >>> 0];
  return known ?? `${severity} 0x${(code >>> 0).toString(16).padStart(8, '0').toUpperCase()}`;
}
