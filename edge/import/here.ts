import { parseTime } from '../api/time-text.ts';
import type { TagType, Value } from '../core/sample.ts';
import { CsvReader, type CsvRow } from './csv.ts';
import type { Compared } from './differences.ts';

/** Samples out of what the history route and `millrace history` write as CSV of one tag (`time,value,quality`). */
export async function* samplesIn(pieces: AsyncIterable<string>, type: TagType | null): AsyncGenerator<Compared> {
  const reader = new CsvReader({ delimiter: ',', skip: 1 });
  for await (const piece of pieces) for (const row of reader.push(piece)) yield sampleOf(row, type);
  for (const row of reader.finish()) yield sampleOf(row, type);
}

function sampleOf({ fields, emptyTexts }: CsvRow, type: TagType | null): Compared {
  const [time = '', value = '', quality = ''] = fields;
  return {
    timeUs: parseTime(time),
    value: valueOf(value, type, emptyTexts?.has(1) === true),
    quality: Number(quality),
  };
}

function valueOf(text: string, type: TagType | null, isEmptyText: boolean): Value {
  if (text === '' && !isEmptyText) return null;
  if (type === 'boolean') return text === 'true';
  if (type === 'long' || type === 'uint64') return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);
  return type === 'double' || type === 'float' ? Number(text) : text;
}
