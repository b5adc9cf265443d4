import type { Gap } from '../reading/gap.ts';
import type { HistoricSample, Points } from '../points/points.ts';

/** The sample of a tag with the greatest effective time; of equal ones the last in the order of history. */
export interface LatestSample extends HistoricSample {
  readonly tag: string;
}

/** A gap of a tag. */
export interface TaggedGap extends Gap {
  readonly tag: string;
}

/** Last samples in columns. Tags are known by a place: of a list that was asked about, or of one that both sides know. */
export interface LatestColumns {
  /** A row for each tag that has a sample. */
  readonly points: Points;
  /** The tag of each row. */
  readonly places: Uint32Array<ArrayBuffer>;
  /** Tags that have none, where `standing` is not empty. */
  readonly without: Uint32Array<ArrayBuffer>;
  /** Tags whose last sample has expired and is to be had elsewhere, where that was asked for. */
  readonly expired?: Uint32Array<ArrayBuffer>;
  /** Names of the topics that `points.topics` numbers. */
  readonly topics: readonly string[];
  /** Where damage may hide a later sample of a tag. */
  readonly gaps: readonly { readonly place: number; readonly gap: Gap }[];
  /** Where damage may hide samples of any tag: what lies behind a tag's last sample counts. */
  readonly standing: readonly Gap[];
}

/** A part of an answer about the last samples: those that there are, and where damage may hide a later one. */
export class Latest {
  readonly points: Points;
  private readonly columns: LatestColumns;
  private readonly tagAt: (place: number) => string;

  /** `tagAt`: the tag with this place. */
  constructor(columns: LatestColumns, tagAt: (place: number) => string) {
    this.points = columns.points;
    this.columns = columns;
    this.tagAt = tagAt;
  }

  /** The tag that a row of `points` is of. */
  tag(row: number): string {
    return this.tagAt(this.columns.places[row] ?? 0);
  }

  /** Tags whose last sample has expired and is to be had elsewhere. */
  *expired(): Generator<string> {
    for (const place of this.columns.expired ?? []) yield this.tagAt(place);
  }

  /** The samples as objects. Throws `historian-damaged` where the bytes of a value make no sense. */
  *samples(): Generator<LatestSample> {
    const { points, columns } = this;
    for (let row = 0; row < points.count; row++) yield { tag: this.tag(row), ...points.sample(row, columns.topics) };
  }

  /** Where a later sample may be missing. */
  *gaps(): Generator<TaggedGap> {
    const { gaps, standing, places, without, points } = this.columns;
    for (const { place, gap } of gaps) yield { tag: this.tagAt(place), ...gap };
    for (const gap of standing) {
      for (let row = 0; row < points.count; row++)
        if (gap.toUs > (points.times[row] ?? 0)) yield { tag: this.tagAt(places[row] ?? 0), ...gap };
      for (const place of without) yield { tag: this.tagAt(place), ...gap };
    }
  }
}
