import type { Reader } from '../protocol/reader.ts';

/** One answer for each partition of each topic: the form of Fetch, ListOffsets and Produce. `decode` reads what stands for a partition. */
export function decodePartitions<T>(reader: Reader, decode: (topic: string) => T): T[] {
  const topics = reader.array(() => {
    const topic = reader.string();
    const partitions = reader.array(() => decode(topic));
    reader.tags();
    return partitions;
  });
  return topics.flat();
}
