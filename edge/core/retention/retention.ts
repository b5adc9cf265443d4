/** What is given up first when something must go. `kept`: the topic is never given up, state is rebuilt from it. */
export type RetentionClass = 'bulk' | 'standard' | 'critical' | 'kept';

/**
 * Class of a topic. `events` and `audit` tell what became of the rest, and are as dear as `samples.critical`. `tags` is small (at most a few records for each of 250,000 tags), and
 * whoever reads a mirror needs the record of a tag as long as there are samples of it.
 */
export function retentionClass(topic: string): RetentionClass {
  if (topic === 'tags') return 'kept';
  if (topic === 'samples.critical' || topic === 'events' || topic === 'audit') return 'critical';
  return topic === 'samples.bulk' ? 'bulk' : 'standard';
}

/** The largest topic gives first; one of class bulk counts as four times as large, a critical one as a quarter. So neither empties the other. */
const WEIGHTS: Readonly<Record<RetentionClass, number>> = { bulk: 4, standard: 1, critical: 0.25, kept: 0 };

/** An offset per topic. */
export type Offsets = Readonly<Record<string, number>>;

/** Who still needs what: nothing at or above these offsets is theirs to lose. A topic that is not named is held by nobody. */
export interface Holds {
  /** Of consumers in this gateway: held absolutely. */
  readonly local?: Offsets;
  /** Of each link, by its name, how far it has mirrored its topics; null: not known since the start, so that it may lack all of it. Held up to half of the budget. */
  readonly links?: Readonly<Record<string, Readonly<Record<string, number | null>>>>;
}

/** What several consumers need: of each topic the lowest offset. */
export function lowestOffsets(...needs: readonly Offsets[]): Offsets {
  const lowest: Record<string, number> = {};
  for (const need of needs)
    for (const [topic, offset] of Object.entries(need)) lowest[topic] = Math.min(offset, lowest[topic] ?? Infinity);
  return lowest;
}

/** A segment. */
export interface SegmentFacts {
  readonly baseOffset: number;
  /** Behind its last durable record. */
  readonly endOffset: number;
  readonly bytes: number;
  /** Greatest ingest time in it, ms; undefined: not known (yet), then it does not expire. */
  readonly greatestMs: number | undefined;
}

/** A topic: its complete segments, the oldest first, and the one that is written to. */
export interface TopicFacts {
  readonly topic: string;
  readonly segments: readonly SegmentFacts[];
  readonly active: SegmentFacts;
}

/** All that retention goes by. */
export interface RetentionFacts {
  readonly topics: readonly TopicFacts[];
  readonly holds: Holds;
  /** Bytes that the log may take. */
  readonly budgetBytes: number;
  /** Bytes free on the log's file system. */
  readonly freeBytes: number;
  /** Bytes of it that the log leaves to others. */
  readonly reserveBytes: number;
  /** How long records are kept, ms, of the topics that have such a limit. */
  readonly retentionMs: Offsets;
  readonly nowMs: number;
  /** False: the clock may be wrong, and nothing goes by time. */
  readonly clockTrusted: boolean;
}

/**
 * Why a segment goes: all of it is older than its topic keeps it, the log is over its budget, too little of the disk is free, or (for one of these reasons) although a link
 * has not had it.
 */
type ReleaseReason = 'expired' | 'budget' | 'reserve' | 'held-by-links';

/** A segment that is to go next: the oldest of its topic. */
export interface Release {
  readonly topic: string;
  readonly segment: SegmentFacts;
  readonly reason: ReleaseReason;
  /** The links that have not had all of it, and from which offset on; null: not known. */
  readonly lacking: readonly Lacking[];
}

/** A link that has not had a segment. */
interface Lacking {
  readonly link: string;
  readonly from: number | null;
}

interface Candidate extends Omit<Release, 'reason'> {
  readonly class: RetentionClass;
  /** Bytes of the topic, weighted. */
  readonly weight: number;
}

/** At most so many segments go at a time: what is left goes with the next look. */
const MAX_RELEASES = 1000;

/** Bytes that the log may take now: less than its budget where the disk has too little left for others. */
export function limitBytes({ budgetBytes, freeBytes, reserveBytes }: RetentionFacts, bytes: number): number {
  return Math.min(budgetBytes, Math.max(0, bytes + freeBytes - reserveBytes));
}

/** Bytes of all topics. */
export function bytesOf(topics: readonly TopicFacts[]): number {
  return topics.reduce(
    (sum, { segments, active }) => segments.reduce((all, { bytes }) => all + bytes, sum + active.bytes),
    0,
  );
}

/** Bytes of complete segments that some link lacks and nobody else needs. */
export function bytesForLinks({ topics, holds }: RetentionFacts): number {
  let sum = 0;
  for (const { topic, segments } of topics) {
    if (retentionClass(topic) === 'kept') continue;
    for (const segment of segments) {
      if (!isHeldLocally(holds, topic, segment) && lackingOf(holds, topic, segment).length > 0) sum += segment.bytes;
    }
  }
  return sum;
}

/** By link, bytes of the segments that it has not had all of, those that are written to with them. */
export function bytesByLink(topics: readonly TopicFacts[], { links = {} }: Holds): Record<string, number> {
  return Object.fromEntries(
    Object.entries(links).map(([link, offsets]) => {
      let sum = 0;
      for (const { topic, segments, active } of topics) {
        const from = offsets[topic];
        if (from === undefined) continue;
        for (const { endOffset, bytes } of [...segments, active]) if (endOffset > (from ?? 0)) sum += bytes;
      }
      return [link, sum];
    }),
  );
}

/** The segments that go now, in their order; none where nothing must or nothing may. Each is the oldest of its topic when those before it have gone; the active one only as expired. */
export function planReleases(facts: RetentionFacts): Release[] {
  const releases: Release[] = [];
  let current = facts;
  for (let next = nextRelease(current); next !== undefined; next = nextRelease(current)) {
    releases.push(next);
    if (releases.length === MAX_RELEASES) break;
    current = without(current, next);
  }
  return releases;
}

/** The segment that goes next, and why, or undefined. */
export function nextRelease(facts: RetentionFacts): Release | undefined {
  const bytes = bytesOf(facts.topics);
  const limit = limitBytes(facts, bytes);
  const linksExceed = bytesForLinks(facts) > limit / 2;
  for (const topic of facts.topics) {
    const expired = expiredOf(facts, topic);
    if (expired === undefined) continue;
    if (expired.lacking.length === 0) return { ...released(expired), reason: 'expired' };
    if (linksExceed) return { ...released(expired), reason: 'held-by-links' };
  }
  if (bytes <= limit) return undefined;
  const candidates = facts.topics.flatMap((topic) => candidateOf(facts, topic, topic.segments[0]) ?? []);
  const free = candidates.filter(({ lacking }) => lacking.length === 0);
  const reason = bytes > facts.budgetBytes ? 'budget' : 'reserve';
  if (!linksExceed) return chosen(free, reason);
  const forLinks = candidates.filter(({ lacking }) => lacking.length > 0);
  // What tells of the rest, and what is critical, does not make room for links that have had their half.
  return (
    chosen(
      free.filter((candidate) => candidate.class !== 'critical'),
      reason,
    ) ??
    chosen(firstOfClass(forLinks), 'held-by-links') ??
    chosen(free, reason) ??
    chosen(forLinks, 'held-by-links')
  );
}

/** Those of the first class that there is: bulk, then `samples`, then the others, but not what is critical. */
function firstOfClass(candidates: readonly Candidate[]): readonly Candidate[] {
  const bulk = candidates.filter((candidate) => candidate.class === 'bulk');
  if (bulk.length > 0) return bulk;
  const standard = candidates.filter((candidate) => candidate.class === 'standard');
  const samples = standard.filter(({ topic }) => topic === 'samples');
  return samples.length > 0 ? samples : standard;
}

function chosen(candidates: readonly Candidate[], reason: ReleaseReason): Release | undefined {
  let best: Candidate | undefined;
  for (const candidate of candidates) if (best === undefined || candidate.weight > best.weight) best = candidate;
  return best && { ...released(best), reason };
}

function released({ topic, segment, lacking }: Candidate): Omit<Release, 'reason'> {
  return { topic, segment, lacking };
}

/** The oldest segment of a topic if it is older than the topic keeps it and may go. Where there is no complete one, the active one counts. */
function expiredOf(facts: RetentionFacts, topic: TopicFacts): Candidate | undefined {
  const keptMs = facts.retentionMs[topic.topic];
  if (keptMs === undefined || !facts.clockTrusted) return undefined;
  const oldest = topic.segments[0] ?? topic.active;
  if (oldest.endOffset <= oldest.baseOffset || oldest.greatestMs === undefined) return undefined;
  return oldest.greatestMs < facts.nowMs - keptMs ? candidateOf(facts, topic, oldest) : undefined;
}

/** A segment as one that may go; undefined where it may not. */
function candidateOf(
  { holds }: RetentionFacts,
  { topic, segments, active }: TopicFacts,
  segment: SegmentFacts | undefined,
): Candidate | undefined {
  const kind = retentionClass(topic);
  if (segment === undefined || kind === 'kept' || isHeldLocally(holds, topic, segment)) return undefined;
  const bytes = segments.reduce((sum, each) => sum + each.bytes, active.bytes);
  return { topic, segment, lacking: lackingOf(holds, topic, segment), class: kind, weight: bytes * WEIGHTS[kind] };
}

/** State that its consumer does not speak for is kept: it may be about to start. */
function isHeldLocally({ local = {} }: Holds, topic: string, { endOffset }: SegmentFacts): boolean {
  const hold = local[topic] ?? (topic.startsWith('__state.') ? 0 : Infinity);
  return endOffset > hold;
}

function lackingOf({ links = {} }: Holds, topic: string, { endOffset }: SegmentFacts): Lacking[] {
  return Object.entries(links).flatMap(([link, offsets]) => {
    const from = offsets[topic];
    return from === undefined || (from !== null && from >= endOffset) ? [] : [{ link, from }];
  });
}

/** The facts when a segment has gone. */
function without(facts: RetentionFacts, { topic: name, segment }: Release): RetentionFacts {
  const topics = facts.topics.map((topic): TopicFacts => {
    if (topic.topic !== name) return topic;
    if (topic.segments.length > 0) return { ...topic, segments: topic.segments.slice(1) };
    const { endOffset } = segment;
    return { ...topic, active: { baseOffset: endOffset, endOffset, bytes: 0, greatestMs: undefined } };
  });
  return { ...facts, topics, freeBytes: facts.freeBytes + segment.bytes };
}
