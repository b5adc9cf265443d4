import assert from 'node:assert/strict';
import type { DurableEnds } from '../../edge/core/durable-ends.ts';
import { type BatchName, knownRecord } from './known-batches.ts';
import { readTopic } from './log-kit.ts';

/** A batch that was acknowledged. */
export interface Acknowledgement {
  readonly topic: string;
  readonly offset: number;
  readonly records: number;
  readonly name: BatchName;
}

/** All that was ever acknowledged, held against what a log has. */
export class Acknowledged {
  private readonly all = new Map<string, Map<number, Acknowledgement>>();
  count = 0;

  add(one: Acknowledgement): void {
    const topic = this.all.get(one.topic) ?? new Map<number, Acknowledgement>();
    this.all.set(one.topic, topic);
    assert(!topic.has(one.offset), `offset ${one.offset} of ${one.topic} is given twice`);
    topic.set(one.offset, one);
    this.count++;
  }

  /** Offset behind the last acknowledged record of a topic. */
  end(topic: string): number {
    let end = 0;
    for (const { offset, records } of this.all.get(topic)?.values() ?? []) end = Math.max(end, offset + records);
    return end;
  }

  /**
   * Reads a topic from an offset on and requires: offsets without a hole, every record known and whole batches of them, the batches of each producer in their order with none
   * left out (`numbers`: which of a producer's go to this topic; no run goes on behind a check), and every batch that was acknowledged at its offset. Returns the number of records.
   */
  check(
    logFolder: string,
    topic: string,
    ends: DurableEnds,
    from: number,
    numbers: (number: number) => boolean,
  ): number {
    const acknowledged = new Map([...(this.all.get(topic) ?? [])].filter(([offset]) => offset >= from));
    const next = new Map<string, number>();
    let expected = from;
    let batch: (BatchName & { readonly start: number }) | undefined;
    const gaps = readTopic({ logFolder, topic, ends }, from, (cursor) => {
      const found = knownRecord(cursor);
      if (found.offset !== expected++) throw new Error(`${topic}: ${found.offset} stands behind ${expected - 2}`);
      const start = found.offset - found.index;
      if (batch?.start === start && sameName(batch, found)) return;
      if (found.index !== 0)
        throw new Error(`${topic}: a batch begins at ${found.offset} with its record ${found.index}`);
      batch = { ...found, start };
      const producer = `${found.run}/${found.producer}`;
      let wanted = next.get(producer) ?? 0;
      while (!numbers(wanted)) wanted++;
      if (found.number !== wanted)
        throw new Error(`${topic}: batch ${found.number} of ${producer} stands at ${start} where ${wanted} should`);
      next.set(producer, found.number + 1);
      const told = acknowledged.get(start);
      if (told !== undefined && sameName(told.name, found)) acknowledged.delete(start);
    });
    const missing = [...acknowledged.values()].slice(0, 3);
    assert.deepEqual({ topic, gaps, expected, missing }, { topic, gaps: [], expected: ends.end(topic), missing: [] });
    return expected - from;
  }
}

function sameName(a: BatchName, b: BatchName): boolean {
  return a.run === b.run && a.producer === b.producer && a.number === b.number;
}
