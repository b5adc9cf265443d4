/** What the figures hold for, a sentence or two each, for people and for programs that keep them. */
export function conditionsOf(loadSeconds: number): string[] {
  return [
    'A sample is a double with its time, quality and flags under a 30-byte key, of 100 tags in turn. Batches are plain; nothing lingers: a batch is handed over when it has its size.',
    `append: ${loadSeconds} s, as fast as there is room. Millrace has a log that has reached its budget (0.5 GiB), and two producers that encode out of columns while they are measured; SQLite one, which binds its rows; Kafka one, which sends batches made beforehand, five at a time. producers.cpu: the threads that produce.`,
    'append.at_… and append.half_load: batches of 10 at a fixed rate, from one producer, at half load from two. A time runs from handing a batch over to its acknowledgement in the thread that produces, which naps until a batch is due (0.1 ms), without the first 0.2 s; at half load the log has reached its budget; records_per_s is what came of the rate: below it, the times are those of full load.',
    'write_4k: 4 KiB and fdatasync in a file that is full already. encode, decode: one thread; decode with checksum and tag look-up by the bytes of the key.',
    'pipeline: two producers, batches of 100, and a reader that decodes everything, until it has the last sample; the CPU time is that of the whole process.',
    'wake: from publishing a durable end to the reader in another thread that goes on. stopped_reader: one that hears nothing for 60 s (quick: 10 s) at full rate in batches of 100.',
    'bytes_per_sample: of files with their indexes, batches of 1,000. memory: resident, of a process of its own; a log of so many GiB with 100,000 tags when a reader has met each, and when a producer has written to each.',
  ];
}
