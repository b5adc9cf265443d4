import { expect, test } from 'vitest';
import { BatchEncoder } from '../core/record-batch.ts';
import { RecordCursor } from '../core/record-cursor.ts';
import { SampleReader } from '../core/sample-codec.ts';
import { SampleKey } from '../core/sample-key.ts';
import { ValueKind } from '../core/sample.ts';
import { scoreIdentity } from './score-writer.ts';

test('a score has its tag and time as identity, an erased one its tag alone, and what has no tag none', () => {
  const encoder = new BatchEncoder();
  const key = SampleKey.of('northmill/score');
  const score = { timeUs: 5, kind: ValueKind.double, value: 0.5, quality: 0, flags: 0, serverTimeUs: null };
  encoder.addSample(key, score);
  encoder.addRecord(key.bytes, null);
  encoder.addRecord(null, null);
  const cursor = new RecordCursor();
  cursor.open(encoder.finish(1));
  const identities: (string | undefined)[] = [];
  while (cursor.next()) identities.push(scoreIdentity(cursor, new SampleReader()));
  expect(identities).toEqual(['northmill/score 5', 'northmill/score erased', undefined]);
});
