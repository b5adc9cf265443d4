import { expect, test } from 'vitest';
import { judgeTopic, MIRROR_CONFIGS } from './topic-fitness.ts';

const names = (texts: readonly string[]): string[] => texts.map((text) => text.split(' ')[0] ?? '');

const judge = (configs: Record<string, string>, partitions = 1): { unfit: string[]; warnings: string[] } => {
  const entries = Object.entries({ ...MIRROR_CONFIGS, ...configs });
  const { unfit, warnings } = judgeTopic(partitions, new Map(entries.map(([name, value]) => [name, { value }])));
  return { unfit: names(unfit), warnings: names(warnings) };
};

test.each([
  { name: 'what the link creates', configs: {}, unfit: [], warnings: [] },
  { name: 'no retention at all', configs: { 'retention.ms': '-1', 'retention.bytes': '-1' }, unfit: [], warnings: [] },
  { name: 'a week', configs: { 'retention.ms': '604800000' }, unfit: [], warnings: [] },
  { name: 'a day', configs: { 'retention.ms': '86400000' }, unfit: [], warnings: ['retention.ms'] },
  { name: 'a megabyte', configs: { 'retention.bytes': '1048576' }, unfit: [], warnings: ['retention.bytes'] },
  { name: 'compaction', configs: { 'cleanup.policy': 'compact,delete' }, unfit: ['cleanup.policy'], warnings: [] },
  {
    name: 'LogAppendTime',
    configs: { 'message.timestamp.type': 'LogAppendTime' },
    unfit: ['message.timestamp.type'],
    warnings: [],
  },
  { name: 'just too small', configs: { 'max.message.bytes': '899999' }, unfit: ['max.message.bytes'], warnings: [] },
  { name: 'just large enough', configs: { 'max.message.bytes': '900000' }, unfit: [], warnings: [] },
  { name: 'packed as zstd', configs: { 'compression.type': 'zstd' }, unfit: [], warnings: ['compression.type'] },
  { name: 'packed as snappy', configs: { 'compression.type': 'snappy' }, unfit: ['compression.type'], warnings: [] },
  {
    name: 'unclean election',
    configs: { 'unclean.leader.election.enable': 'true' },
    unfit: [],
    warnings: ['unclean.leader.election.enable'],
  },
  {
    name: 'limits of time as Kafka has them',
    configs: {
      'message.timestamp.before.max.ms': '9223372036854775807',
      'message.timestamp.difference.max.ms': '9223372036854775807',
      'message.timestamp.after.max.ms': '3600000',
    },
    unfit: [],
    warnings: [],
  },
  {
    name: 'a refusal of records that are a day old',
    configs: { 'message.timestamp.before.max.ms': '86400000' },
    unfit: [],
    warnings: ['message.timestamp.before.max.ms'],
  },
  {
    name: 'the same refusal as older brokers call it',
    configs: { 'message.timestamp.difference.max.ms': '86400000' },
    unfit: [],
    warnings: ['message.timestamp.difference.max.ms'],
  },
  {
    name: 'a refusal of records a minute ahead',
    configs: { 'message.timestamp.after.max.ms': '60000' },
    unfit: [],
    warnings: ['message.timestamp.after.max.ms'],
  },
])('a destination topic with $name', ({ configs, unfit, warnings }) => {
  expect(judge(configs)).toEqual({ unfit, warnings });
});

test('more than one partition, or settings that the broker does not tell', () => {
  expect(judge({}, 2).unfit).toHaveLength(1);
  expect(judgeTopic(1, new Map())).toEqual({ unfit: [], warnings: [] });
});
