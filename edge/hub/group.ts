/** A record of a topic as a consumer group gives it. */
export interface GroupRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** Stands for records that the source has lost (header `gap`). */
  readonly isGap: boolean;
}

/** Records of one partition, in order. */
export interface GroupBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly GroupRecord[];
  /** Where the group had come to when the partition became this member's; null: it was never there. */
  readonly committed: number | null;
  /** What was committed beside it. */
  readonly mark: string | null;
  /** Offset behind the last record that the partition had when this was read. */
  readonly end: number;
}

/** A place in a partition: the offset of the next record. */
export interface GroupPosition {
  readonly topic: string;
  readonly partition: number;
  readonly next: number;
}

/** Records of a batch that were not taken: they come again when there is room; other partitions do not wait. */
export interface GroupRest {
  /** Offset of the first of them. */
  readonly next: number;
  readonly room: Promise<void>;
}

/** Who takes the records of a member. */
export interface GroupTaker {
  /** Takes a batch; the next one of its partition comes when this has resolved. `alive` is to be called every few seconds meanwhile, else the member is put out of the group. */
  take(batch: GroupBatch, alive: () => Promise<void>): Promise<GroupRest | undefined>;
  /** These partitions are this member's from now on, and no others. What of the others was taken and not committed is another member's to take again. */
  assigned(partitions: readonly { readonly topic: string; readonly partition: number }[]): void;
}

/** A member of a consumer group: the port to whatever speaks Kafka's group protocol. Nothing is committed but by `commit`. */
export interface GroupMember {
  /** Joins and gives records to the taker until the signal is aborted; begins where the group has committed, else at the first record. Rejects with what ended it otherwise. */
  run(taker: GroupTaker, signal: AbortSignal): Promise<void>;
  /**
   * Commits positions of partitions that are this member's, and a mark beside them. False: the group is being divided anew; offer them again, as far as the partitions are this member's then. Rejects where it is no
   * longer a member: others take again what was not committed.
   */
  commit(positions: readonly GroupPosition[], mark: string): Promise<boolean>;
  /** By `topic partition`, where the group has come to; partitions in which it never was are left out. */
  committed(topics: readonly string[]): Promise<ReadonlyMap<string, number>>;
}
