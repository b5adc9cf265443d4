/** What the figures hold for, a sentence or two each, for people and for programs that keep them. */
export function conditionsOf(quick: boolean, dropsCaches: boolean): string[] {
  const mix = quick ? '200 tags (1 M samples)' : '1,000 tags (5 M samples)';
  return [
    `Mix: ${mix}, a second apart with up to 20 ms of jitter in whole ms, the same for all systems: a fifth digital tags that toggle every 600 s, half walks with two decimals and steps with a standard deviation of 0.04, the rest noisy doubles. Second set: 300 float32 tags with 1 % of bad samples in runs, and 200 walks reported by exception${quick ? ', a twentieth of them' : ''}, three times as long.`,
    'ingest: from what a client would have at hand in files (Millrace: its log, in plain batches of 1,000; servers: bodies of requests, two under way; others: columns) until all can be asked for and what the system promises of the disk is true. Millrace works in one thread, rivals with as many cores as they take. settled: also until nothing is left to merge or to sort. cpu: of the process that does the work. ingest_late: 10 % of the mix up to an hour late; cost: against ingest in the same run.',
    'bytes_per_point: files at rest, indexes and names included, of all samples of a set; by class: of a set that has this class alone. QuestDB: of its columns, as they are when a later day has begun.',
    'Questions: one at a time, of one tag after the other, until the answer is in the memory of Node (Prometheus: of its own process). chart: 1,000 buckets with count, mean, min, max, first and last; of_month: 992 buckets of 45 minutes over 31 days of a second each, any_bounds: 1,000 buckets that begin and end anywhere. Millrace, DuckDB and Prometheus are asked in their process, servers over HTTP.',
    `cold: the first question behind a restart of the store in a process that is warm${dropsCaches ? ', page cache dropped' : '; the page cache could not be dropped'}; servers are not restarted.`,
    'Every system has answered each kind of question as the data says, sample by sample and bucket by bucket, before it was measured.',
    'tags_100000: processes of their own that bring 100,000 tags from the log into files, and that open these. http: the same questions to a whole gateway that has the set in its files, on one connection, until the last byte of JSON (raw_86400 also of CSV and of Arrow); what the asker has to tidy up it does between two questions. year: 100,000 tags hourly for 365 days, 100 of them each second for the last 31.',
  ];
}
