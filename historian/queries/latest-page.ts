import { isAbout } from '../files/erasures.ts';
import type { Gap } from '../reading/gap.ts';
import { damagedFileGaps } from '../reading/gaps.ts';
import { copyRow, copyValue, LastState } from '../files/last-samples.ts';
import { Latest, type LatestColumns } from './latest.ts';
import { MAX_LATEST_ROWS, PAGE_HEAP_BYTES } from '../limits.ts';
import { isBlob, Points } from '../points/points.ts';
import { expiredSpan } from '../reading/lacking.ts';
import { lastOfFiles, lastOfMemory, takeLater } from './query.ts';
import type { View } from '../reading/view.ts';

/** After so much work it is looked whether the page is to end: a tag is 1, one that was read from a file so much. */
const LOOK_EVERY = 1024;
const READ_WORK = 128;
/** Rows of the memory that are copied at a time. */
const RUN_ROWS = 256;

/** A page of last samples. */
export interface LatestPage extends LatestColumns {
  readonly expired: Uint32Array<ArrayBuffer>;
  /** Where the next one begins: to be given as `after`; null: this was the last one. */
  readonly next: number | null;
}

/**
 * The last samples of these tags, whose places are those in the list, or of all tags that are known, whose places are the numbers of their series (of the first topic that has the tag), in the
 * order of the bytes of their paths. Ends early when `isOver` says so, and behind 32,768 samples or 4 MiB of strings, bytes and arrays. 100,000 tags take 5 ms: nothing is read but what is hidden
 * by an erasure or by expiry, and long values. `elsewhereFromUs`: from this time on, µs, what has expired is to be had elsewhere.
 */
export function latestPage(
  view: View,
  tags: readonly string[] | null,
  after: number | null,
  isOver: () => boolean,
  elsewhereFromUs = Number.POSITIVE_INFINITY,
): LatestPage {
  return tags === null
    ? allTags(view, after, isOver, elsewhereFromUs)
    : someTags(view, tags, after ?? 0, isOver, elsewhereFromUs);
}

/** All pages, in this thread. */
export function* latestPages(
  view: View,
  tags: readonly string[] | null,
  newSlice: () => () => boolean,
  elsewhereFromUs?: number,
): Generator<Latest> {
  const { series } = view.parts;
  for (let after: number | null = null; ;) {
    const page = latestPage(view, tags, after, newSlice(), elsewhereFromUs);
    yield new Latest(page, (place) => (tags === null ? series.tag(place) : (tags[place] ?? '')));
    if (page.next === null) return;
    after = page.next;
  }
}

function someTags(
  view: View,
  tags: readonly string[],
  from: number,
  isOver: () => boolean,
  elsewhereFromUs: number,
): LatestPage {
  const page = new Page(view, Math.min(tags.length - from, MAX_LATEST_ROWS), isOver, elsewhereFromUs);
  for (let at = from; at < tags.length; at++) {
    if (page.isFull) return page.ended(at);
    page.take(at, view.seriesOf(tags[at] ?? ''));
  }
  return page.ended(null);
}

function allTags(view: View, after: number | null, isOver: () => boolean, elsewhereFromUs: number): LatestPage {
  const { series } = view.parts;
  const sorted = series.sorted();
  const from = after === null ? 0 : series.placeOf(sorted, after) + 1;
  const page = new Page(view, Math.min(sorted.length - from, MAX_LATEST_ROWS), isOver, elsewhereFromUs);
  for (let at = from; at < sorted.length; at++) {
    const id = sorted[at] ?? 0;
    if (page.isFull) return page.ended(sorted[at - 1] ?? 0);
    const twins = series.twinsOf(id);
    if (twins === undefined) page.takeOne(id, id);
    else if (twins[0] === id) page.take(id, twins);
  }
  return page.ended(null);
}

/** Samples so far. What lies in memory is copied many rows at a time. */
class Page {
  private readonly view: View;
  private readonly isOver: () => boolean;
  private readonly points: Points;
  private readonly places: Uint32Array<ArrayBuffer>;
  private count = 0;
  private work = 0;
  private readonly without: number[] = [];
  private readonly expired: number[] = [];
  private readonly elsewhereFromUs: number;
  /** A sample from here on, µs, is later than all that have expired and are elsewhere. */
  private readonly expiredUpToUs: number;
  private readonly gaps: { readonly place: number; readonly gap: Gap }[] = [];
  private readonly standing: readonly Gap[];
  /** Rows of the memory that are still to be copied. */
  private readonly rows = new Uint32Array(RUN_ROWS);
  private rowCount = 0;
  private rowTopic = 0;
  /** By topic: no sample from this log offset on is hidden. */
  private readonly visibleFrom: readonly number[];
  private readonly best = new Points(1);
  private readonly ofFiles = new Points(1);

  constructor(view: View, capacity: number, isOver: () => boolean, elsewhereFromUs: number) {
    this.view = view;
    this.isOver = isOver;
    this.elsewhereFromUs = elsewhereFromUs;
    this.points = new Points(capacity);
    this.places = new Uint32Array(capacity);
    this.standing = damagedFileGaps(view);
    const { erasures, expired } = view.parts.hiding;
    const isAsked = elsewhereFromUs < Number.POSITIVE_INFINITY;
    this.expiredUpToUs = Math.max(
      Number.NEGATIVE_INFINITY,
      ...(isAsked ? expired.map(({ beforeUs }) => beforeUs) : []),
    );
    this.visibleFrom = view.parts.topics.map((topic) =>
      Math.max(
        0,
        ...erasures.map(({ upTo }) => upTo[topic] ?? 0),
        ...expired.map((each) => (each.topic === topic ? each.below : 0)),
      ),
    );
  }

  get isFull(): boolean {
    if (this.count === this.points.capacity && this.count > 0) return true;
    if (this.points.heapLength >= PAGE_HEAP_BYTES) return true;
    if (this.work < LOOK_EVERY) return false;
    this.work = 0;
    return this.isOver();
  }

  /** Takes the last sample of a tag that has these series. */
  take(place: number, ids: readonly number[]): void {
    const [id] = ids;
    if (ids.length === 1 && id !== undefined) this.takeOne(place, id);
    else this.takeLatest(place, ids);
  }

  /** Takes the last sample of a tag of one series: nearly always there is nothing to be looked for. */
  takeOne(place: number, id: number): void {
    const { last, memtable, series } = this.view.parts;
    const row = memtable.latestRow(id);
    const topic = series.topic(id);
    const inMemory = row >= 0 && memtable.timeUs(row) >= last.timeUs(id);
    const offset = inMemory ? memtable.offset(row) : last.offset(id);
    const state = inMemory ? LastState.kept : last.state(id);
    this.work++;
    if (state === LastState.none) return this.takeNone(place, [id]);
    const timeUs = inMemory ? memtable.timeUs(row) : last.timeUs(id);
    if (state === LastState.elsewhere || offset < (this.visibleFrom[topic] ?? 0) || timeUs < this.expiredUpToUs)
      return this.takeLatest(place, [id]);
    if (inMemory) {
      if (topic !== this.rowTopic || this.rowCount === RUN_ROWS) this.copyRows();
      this.rowTopic = topic;
      this.rows[this.rowCount++] = row;
    } else {
      this.copyRows();
      this.copyLast(id, topic, this.points);
    }
    this.places[this.count++] = place;
  }

  /** Takes the latest of several series, or of one that has to be looked into. */
  private takeLatest(place: number, ids: readonly number[]): void {
    this.best.reset();
    for (const id of ids) this.lookFor(place, id);
    this.work++;
    if (this.best.count === 0 || this.isExpired(ids)) return this.takeNone(place, ids);
    this.copyRows();
    this.points.append(this.best, 0, 1);
    this.places[this.count++] = place;
  }

  private takeNone(place: number, ids: readonly number[]): void {
    if (this.standing.length > 0) this.without.push(place);
    this.best.reset();
    if (this.isExpired(ids)) this.expired.push(place);
  }

  /** Whether a sample has expired, and is elsewhere, that is later than `best`. */
  private isExpired(ids: readonly number[]): boolean {
    const { view, best, elsewhereFromUs } = this;
    const bestUs = best.count === 0 ? Number.NEGATIVE_INFINITY : (best.times[0] ?? 0);
    const [id] = ids;
    if (bestUs >= this.expiredUpToUs || id === undefined) return false;
    const span = expiredSpan(view, view.parts.series.tag(id), 'samples');
    return span !== undefined && span.toUs > Math.max(bestUs + 1, elsewhereFromUs);
  }

  /** Appends the last sample of the files. */
  private copyLast(id: number, topic: number, to: Points): void {
    const { points } = this.view.parts.last;
    const at = to.count++;
    copyRow(points, id, to, at);
    to.topics[at] = topic;
    if (isBlob(points.kinds[id] ?? 0)) copyValue(points, id, to, at);
  }

  /** Puts the last sample of a series into `best` if it is later. */
  private lookFor(place: number, id: number): void {
    const { view, best, ofFiles, gaps } = this;
    const onDamage = (gap: Gap): void => void gaps.push({ place, gap });
    lastOfMemory(view, id, best, onDamage);
    const { last, series } = view.parts;
    const state = last.state(id);
    if (state === LastState.none || (best.count > 0 && last.timeUs(id) < (best.times[0] ?? 0))) return;
    ofFiles.reset();
    if (state === LastState.kept && !this.isHidden(id)) this.copyLast(id, series.topic(id), ofFiles);
    else this.read(id, onDamage);
    if (ofFiles.count > 0) takeLater(best, ofFiles);
  }

  /** Finds out what the files have last of a series, and remembers it unless there is damage: the next question is to be told of it too. */
  private read(id: number, onDamage: (gap: Gap) => void): void {
    const { view, ofFiles } = this;
    const { last } = view.parts;
    this.work += READ_WORK;
    let isWhole = true;
    lastOfFiles(view, id, ofFiles, (gap) => {
      isWhole = false;
      onDamage(gap);
    });
    if (!isWhole || !view.isCurrent) return;
    if (ofFiles.count === 0) last.clear(id);
    else last.put(id, ofFiles, 0);
  }

  /** Whether the last sample of the files was erased or has expired. */
  private isHidden(id: number): boolean {
    const { last, series, topics, hiding } = this.view.parts;
    const offset = last.offset(id);
    const topicNumber = series.topic(id);
    if (offset >= (this.visibleFrom[topicNumber] ?? 0)) return false;
    const timeUs = last.timeUs(id);
    const topic = topics[topicNumber] ?? '';
    if (hiding.expired.some((each) => each.topic === topic && timeUs < each.beforeUs && offset < each.below))
      return true;
    const erasures = hiding.erasures.filter(
      ({ fromUs, toUs, upTo }) => timeUs >= fromUs && timeUs < toUs && offset < (upTo[topic] ?? 0),
    );
    if (erasures.length === 0) return false;
    const tag = series.tag(id);
    return erasures.some((erasure) => isAbout(erasure, tag));
  }

  private copyRows(): void {
    if (this.rowCount === 0) return;
    this.view.parts.memtable.gather(this.rows, this.rowCount, this.rowTopic, this.points);
    this.rowCount = 0;
  }

  ended(next: number | null): LatestPage {
    this.copyRows();
    const { points, gaps, standing, count } = this;
    const places = count === this.places.length ? this.places : this.places.slice(0, count);
    const without = Uint32Array.from(this.without);
    const expired = Uint32Array.from(this.expired);
    return { points, places, without, expired, topics: [...this.view.parts.topics], gaps, standing, next };
  }
}
