import { MAX_BATCH_BYTES } from '../../edge/core/record-batch.ts';

/** Settings of a topic that the link creates. How long it keeps its records is left to the cluster. */
export const MIRROR_CONFIGS: Readonly<Record<string, string>> = {
  'cleanup.policy': 'delete',
  'message.timestamp.type': 'CreateTime',
  'max.message.bytes': '1048588',
  'compression.type': 'producer',
};

/** Settings that are looked at (Kafka documentation, "Topic Configs"). */
export const EXAMINED_CONFIGS = [
  ...Object.keys(MIRROR_CONFIGS),
  'retention.ms',
  'retention.bytes',
  'unclean.leader.election.enable',
  'message.timestamp.before.max.ms',
  'message.timestamp.after.max.ms',
  'message.timestamp.difference.max.ms',
] as const;

/** Kafka's own defaults: what keeps or allows less deserves a word. */
const SHORT_RETENTION_MS = 7 * 24 * 3600 * 1000;
const USUAL_AHEAD_MS = 3600 * 1000;
const SMALL_RETENTION_BYTES = 1024 ** 3;
/** Codecs in which the link can read back what it wrote. */
const READABLE_CODECS = ['producer', 'uncompressed', 'none', 'zstd', 'gzip'];

/** What the settings of a destination topic mean for a mirror. */
export interface Fitness {
  /** They would break it. */
  readonly unfit: readonly string[];
  /** They lose or delay data sooner or later. */
  readonly warnings: readonly string[];
}

/** Judges a destination topic by the settings that are in force there. A setting that the broker does not know is not judged. */
export function judgeTopic(
  partitions: number,
  configs: ReadonlyMap<string, { readonly value: string | null }>,
): Fitness {
  const unfit: string[] = [];
  const warnings: string[] = [];
  const text = (name: string): string => configs.get(name)?.value ?? '';
  const number = (name: string): number => Number(configs.get(name)?.value ?? Number.NaN);

  if (partitions !== 1) unfit.push(`it has ${partitions} partitions in place of 1`);
  if (text('cleanup.policy').includes('compact')) {
    unfit.push(`cleanup.policy is ${text('cleanup.policy')}: compaction removes records; set it to delete`);
  }
  if (text('message.timestamp.type') === 'LogAppendTime') {
    unfit.push('message.timestamp.type is LogAppendTime: it replaces the timestamps; set it to CreateTime');
  }
  if (number('max.message.bytes') < MAX_BATCH_BYTES) {
    unfit.push(`max.message.bytes is ${text('max.message.bytes')}; at least ${MAX_BATCH_BYTES} are needed`);
  }
  const compression = text('compression.type');
  if (compression !== '' && !READABLE_CODECS.includes(compression)) {
    unfit.push(`compression.type is ${compression}: the link could not read back what it wrote; set it to producer`);
  } else if (compression !== '' && compression !== 'producer') {
    warnings.push(`compression.type is ${compression}: the broker packs every batch again; set it to producer`);
  }
  const retentionMs = number('retention.ms');
  if (retentionMs >= 0 && retentionMs < SHORT_RETENTION_MS) {
    warnings.push(`retention.ms is ${retentionMs}: the mirror keeps less than a week`);
  }
  const retentionBytes = number('retention.bytes');
  if (retentionBytes >= 0 && retentionBytes < SMALL_RETENTION_BYTES) {
    warnings.push(`retention.bytes is ${retentionBytes}: the mirror keeps less than 1 GiB`);
  }
  if (text('unclean.leader.election.enable') === 'true') {
    warnings.push('unclean.leader.election.enable is true: the cluster may lose records that it acknowledged');
  }
  for (const name of ['message.timestamp.before.max.ms', 'message.timestamp.difference.max.ms']) {
    if (number(name) < SHORT_RETENTION_MS) {
      warnings.push(`${name} is ${text(name)}: the broker refuses records that are older, and the link fails`);
    }
  }
  const aheadMs = number('message.timestamp.after.max.ms');
  if (aheadMs < USUAL_AHEAD_MS) {
    warnings.push(`message.timestamp.after.max.ms is ${aheadMs}: a clock that differs by more makes the link fail`);
  }
  return { unfit, warnings };
}
