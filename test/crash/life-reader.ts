import type { Random } from '../../edge/core/kit/choices.ts';
import type { Disk } from '../../edge/core/disk.ts';
import type { DurableEnds } from '../../edge/core/durable-ends.ts';
import { LogReader } from '../../edge/core/reader.ts';
import { type TopicPromises, Violation } from './promises.ts';
import { LOG_FOLDER } from './small-log.ts';

/** A reader that compares what it reads with what was promised. It stays where it is while the log goes on: segments roll, are repacked and deleted under it. */
export class LifeReader {
  private readonly reader: LogReader;
  private readonly ends: DurableEnds;
  private readonly topic: TopicPromises;

  constructor(disk: Disk, ends: DurableEnds, topic: TopicPromises) {
    this.ends = ends;
    this.topic = topic;
    this.reader = new LogReader({ logFolder: LOG_FOLDER, topic: topic.name, ends, disk });
  }

  /** Goes on, or goes somewhere, and reads a little; or asks where a time is. */
  read(random: Random): void {
    const { name } = this.topic;
    const what = random(3);
    if (what === 0) this.reader.seek(random(this.ends.end(name) + 1));
    if (what === 1) this.seekTime(random);
    for (let i = 0; i < 3 && this.next(1 + random(3000)); i++);
  }

  /** A little from many places. */
  readAround(random: Random): void {
    for (let i = 0; i < 40; i++) {
      this.reader.seek(random(this.ends.end(this.topic.name) + 1));
      this.next(1 + random(3000));
    }
  }

  /** From somewhere to the end. */
  readAll(random: Random): void {
    this.reader.seek(random(this.ends.end(this.topic.name) + 1));
    while (this.next(1 + random(3000)));
    this.reader.close();
  }

  /** One read. False: at the end. */
  private next(maxBytes: number): boolean {
    const { reader, topic, ends } = this;
    const before = reader.position;
    const result = reader.read(maxBytes);
    if (result.kind === 'data') {
      const { baseOffset, nextOffset, bytes } = result;
      if (baseOffset > before || nextOffset <= before || nextOffset > ends.end(topic.name))
        throw new Violation(`${topic.name}: reading from ${before} gives ${baseOffset} to ${nextOffset}`);
      topic.checkBatches(bytes, { start: baseOffset, end: nextOffset });
      return true;
    }
    if (result.kind === 'end') {
      if (before === ends.end(topic.name)) return false;
      throw new Violation(`${topic.name}: ${before} is said to be the end`);
    }
    if (result.reason !== 'retention' || result.first !== before || result.last !== ends.start(topic.name) - 1)
      throw new Violation(`${topic.name}: reading from ${before} gives ${JSON.stringify(result)}`);
    return true;
  }

  /** No record before the place of a time is as late, as far as times grow; and the batch there is. */
  private seekTime(random: Random): void {
    const { reader, topic, ends } = this;
    const span = { start: ends.start(topic.name), end: ends.end(topic.name) };
    const times = topic.times(span);
    if (times.length === 0) return;
    const timeMs = (times[random(times.length)]?.ms ?? 0) + random(3) - 1;
    const found = reader.offsetAt(timeMs);
    reader.seek(found);
    const right = times.find(({ ms }) => ms >= timeMs)?.offset ?? span.end;
    const grow = times.every(({ ms }, i) => ms >= (times[i - 1]?.ms ?? 0));
    if (!grow) return;
    // A repacked batch begins before the record.
    if (found > right) throw new Violation(`${topic.name}: time ${timeMs} is at ${right}, not at ${found}`);
    const result = reader.read(1);
    const end = result.kind === 'data' ? result.nextOffset : span.end + 1;
    if (right >= end) throw new Violation(`${topic.name}: time ${timeMs} is at ${right}, far behind ${found}`);
    reader.seek(found);
  }
}
