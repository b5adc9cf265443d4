import type { Disk } from '../disk.ts';
import { assert } from '../fault.ts';
import { Flag } from '../flags.ts';
import type { AppendRequest, LogFolder, OpenLog } from '../kit/log-kit.ts';
import type { LogReader } from '../reader.ts';
import type { LogWriter } from '../log-writer.ts';
import { BatchEncoder } from '../record-batch.ts';
import { RecordCursor } from '../record-cursor.ts';
import { SampleReader } from '../sample-codec.ts';
import { SampleKey } from '../sample-key.ts';
import { type Sample, ValueKind } from '../sample.ts';
import type { LogErasure } from './erased-records.ts';
import { eraseLog, type EraseStep, type LogErased } from './erase-log.ts';

/** For tests: tags whose samples take turns. */
export const SECRET_TAGS = ['plant/a', 'plant/b', 'plant/c'];
/** Effective time of the first secret, µs. */
export const SECRETS_FROM_US = 1_600_000_000_000_000;

/** What sample number `n` says: nothing else of a log says it. */
export const secret = (n: number): string => `secret ${String(n).padStart(6, '0')}.`;

const secretTag = (n: number): string => SECRET_TAGS[n % SECRET_TAGS.length] ?? '';

/** Effective time of sample number `n`, µs: times do not grow, but each has its own. */
const secretUs = (n: number): number => SECRETS_FROM_US + (n ^ 5) * 1000;

/** When all of them came in, as if they were number 500. */
const ARRIVAL_MS = SECRETS_FROM_US / 1000 + 500;

/** Sample number `n`; each 11th has a clock that is ahead. */
function secretSample(n: number): Sample {
  const isAhead = n % 11 === 10;
  const timeUs = isAhead ? secretUs(n) + 1e12 : secretUs(n);
  const flags = isAhead ? Flag.clockSuspect : 0;
  return { timeUs, kind: ValueKind.string, value: secret(n), quality: 0, flags, serverTimeUs: null };
}

/** A batch of the samples `first`, `first + 1`, … */
export function secrets(first: number, count: number, compress = false): Uint8Array<ArrayBuffer> {
  const encoder = new BatchEncoder();
  for (let n = first; n < first + count; n++) {
    const headers = n % 4 === 0 ? [['c', Uint8Array.of(n & 0xff)] as const] : [];
    encoder.addSample(SampleKey.of(secretTag(n)), secretSample(n), headers);
  }
  return encoder.finish(ARRIVAL_MS, compress);
}

/** The same as a request to the writer. */
export function secretRequest(first: number, records: number, compress = false, topic = 'samples'): AppendRequest {
  return { topic, batch: secrets(first, records, compress), records };
}

/** Samples `from` to below `to` of tag `plant/b`; all others stay. */
export function erasureOf(from: number, to: number, upTo = 1e9): LogErasure {
  const fromUs = SECRETS_FROM_US + from * 1000;
  const toUs = SECRETS_FROM_US + to * 1000;
  return { tags: ['plant/b'], fromUs, toUs, upTo: { samples: upTo } };
}

/** Whether such an erasure means sample number `n`. */
export function meantBy({ fromUs, toUs, upTo }: LogErasure): (n: number) => boolean {
  return (n) => {
    const timeUs = n % 11 === 10 ? ARRIVAL_MS * 1000 : secretUs(n);
    return secretTag(n) === 'plant/b' && timeUs >= fromUs && timeUs < toUs && n < (upTo['samples'] ?? 0);
  };
}

/** What the records of batches say, by offset: tag and value; null: erased. */
export function saidIn(bytes: Uint8Array): Map<number, string | null> {
  const said = new Map<number, string | null>();
  const cursor = new RecordCursor();
  const sample = new SampleReader();
  for (let at = 0; at < bytes.length;) {
    at = cursor.open(bytes, at);
    while (cursor.next()) {
      if (cursor.valueStart >= 0) sample.read(cursor.data, cursor.valueStart, cursor.valueEnd);
      const value = cursor.valueStart < 0 ? null : (sample.value as string);
      if (cursor.keyText() !== secretTag(cursor.offset))
        throw new Error(`offset ${cursor.offset}: ${cursor.keyText()}`);
      said.set(cursor.offset, value);
    }
  }
  return said;
}

/** All that a reader finds from where it is up to the end, each record once; gaps as `gap`. */
export function readSaid(reader: LogReader): Map<number, string | null> {
  const said = new Map<number, string | null>();
  for (;;) {
    const { position } = reader;
    const result = reader.read(5000);
    if (result.kind === 'end') return said;
    if (result.kind === 'gap') for (let offset = result.first; offset <= result.last; offset++) said.set(offset, 'gap');
    else for (const [offset, value] of saidIn(result.bytes)) if (offset >= position) said.set(offset, value);
  }
}

/** What is expected: secrets up to below `end`, but those that were erased. */
export function expectedSaid(end: number, isErased: (n: number) => boolean, start = 0): Map<number, string | null> {
  const all = Array.from({ length: end - start }, (_, i) => start + i);
  return new Map(all.map((n) => [n, isErased(n) ? null : secret(n)]));
}

/** Erases in this thread, and has the writer do what it is asked for. */
export function eraseAll(
  disk: Disk,
  logFolder: string,
  writer: LogWriter,
  erasures: readonly LogErasure[],
  onStep: (step: EraseStep | undefined) => void = () => undefined,
): LogErased {
  const steps = eraseLog(disk, logFolder, erasures);
  for (let step = steps.next(); ;) {
    if (step.done === true) return step.value;
    onStep(step.value);
    const isSwapped = step.value?.type !== 'swap' || writer.replaceSegment(step.value.segment) !== undefined;
    if (step.value?.type === 'roll') writer.roll(step.value.topic, step.value.below);
    step = steps.next(isSwapped);
  }
}

/** How many of them `filledWithSecrets` gives. */
export const SECRETS = 3000;

/** Secrets in batches of many sizes, some compressed, in several complete segments and one that is written to. */
export function filledWithSecrets(folder: LogFolder): OpenLog {
  const log = folder.open({ segmentBytes: 20_000 });
  for (let next = 0, i = 0; next < SECRETS; i++) {
    const count = Math.min([1, 4, 11, 2, 150, 7, 30][i % 7] ?? 1, SECRETS - next);
    log.writer.append([secretRequest(next, count, i % 3 === 0)]);
    next += count;
  }
  assert(folder.segments().length > 4, 'there are several complete segments');
  return log;
}

/** All that a log says, from its start on. */
export function readSecrets(folder: LogFolder, log: OpenLog): Map<number, string | null> {
  const reader = folder.reader(log.ends);
  reader.seek(log.ends.start('samples'));
  const said = readSaid(reader);
  reader.close();
  return said;
}
