import { setTimeout as pause } from 'node:timers/promises';
import type { Delivery } from '../../historian/questdb/delivery.ts';
import type { WalState } from '../../historian/questdb/table.ts';
import { CHECKPOINT_MS, LINGER_MS } from '../../historian/questdb/limits.ts';
import type { Clock } from '../core/clock.ts';
import { Fault, messageOf } from '../core/fault.ts';
import type { ErasureTable } from './erasure-table.ts';
import { Erasing, type ErasingCounts } from './erasing.ts';
import type { GroupMember, GroupPosition } from './group.ts';
import { isAnotherTable, markOf } from './table-mark.ts';
import type { SiteTopics } from './site-topics.ts';
import { Taking, type Untaken } from './taking.ts';

const LONGEST_PAUSE_MS = 30_000;
/** At a stop what is under way gets so long; what is not committed then is sent again. */
const DRAIN_MS = 3000;
/** Looks at a group that is being divided anew, a second apart, before it is given up. */
const MAX_UNCOMMITTED = 120;

/** What a hub needs. */
export interface HubOptions {
  /** New ones for each attempt. */
  readonly member: () => Promise<GroupMember>;
  readonly delivery: () => Promise<Delivery>;
  readonly erasures: () => Promise<ErasureTable>;
  /** How long what is applied must stand before it counts, 0 where the server syncs. */
  readonly settleMs: () => Promise<number>;
  readonly topics: SiteTopics;
  readonly clock: Clock;
  readonly report: (fault: Fault) => void;
  /** Told of what was done for somebody. */
  readonly note: (members: object, text: string) => void;
  readonly longestPauseMs?: number;
}

/** What the table has, and counts from a time on. */
interface Settling {
  readonly dueMs: number;
  readonly positions: readonly GroupPosition[];
  readonly mark: string;
}

/** What a hub has done since its start. */
export interface HubState extends Readonly<ErasingCounts>, Readonly<Record<Untaken, number>> {
  readonly state: 'stopped' | 'starting' | 'following' | 'waiting';
  readonly problem: Fault | null;
  /** Partitions that are this member's. */
  readonly partitions: number;
  /** Records of these partitions that are not known to be in the table, as far as they were met. */
  readonly lagRecords: number;
  readonly rows: number;
  /** Rows that QuestDB cannot take. */
  readonly refused: number;
  /** Erasures of sites that were read and are not carried out yet. */
  readonly erasuresOpen: number;
}

/**
 * Mirrored topics of many sites into one QuestDB: as many hubs as are needed share the partitions as members of one group. Positions are committed when the table has applied the rows: after a
 * crash or a rebalance some are sent again, by whoever has the partition then, and the table takes each once. The site of a record is that of its topic; a tag of another one is refused.
 */
export class Hub {
  private readonly options: HubOptions;
  private state: HubState['state'] = 'stopped';
  private problem: Fault | null = null;
  private rows = 0;
  private refused = 0;
  private readonly counts = { foreign: 0, malformed: 0, lost: 0, erased: 0 };
  private readonly erasingCounts: ErasingCounts = { erasures: 0, erasuresRefused: 0, erasedRows: 0 };
  private delivery: Delivery | undefined;
  private taking: Taking | undefined;

  constructor(options: HubOptions) {
    this.options = options;
  }

  status(): HubState {
    const { state, problem, counts, erasingCounts, delivery, taking } = this;
    const { partitions, lagRecords } = taking ?? { partitions: 0, lagRecords: 0 };
    const erasuresOpen = taking?.erasing.carriedCount ?? 0;
    const rows = this.rows + (delivery?.rows ?? 0);
    const refused = this.refused + (delivery?.refused ?? 0);
    return { state, problem, partitions, lagRecords, rows, ...counts, refused, ...erasingCounts, erasuresOpen };
  }

  /** Consumes until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { longestPauseMs = LONGEST_PAUSE_MS } = this.options;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const { rows } = this;
      try {
        this.state = 'starting';
        await this.live(signal);
        attempt = -1;
      } catch (error) {
        if (signal.aborted) break;
        this.tell(error instanceof Fault ? error : new Fault('kafka-refused', messageOf(error), { cause: error }));
        if (this.rows > rows) attempt = 0;
        this.state = 'waiting';
        const pauseMs = Math.min(longestPauseMs, 500 * 2 ** Math.min(attempt, 10));
        await pause(pauseMs, undefined, { signal }).catch(() => undefined); // aborted: it ends
      }
    }
    this.state = 'stopped';
  }

  private tell(fault: Fault): void {
    if (this.problem?.message !== fault.message) this.options.report(fault);
    this.problem = fault;
  }

  /** One life of the connections: to QuestDB first, so that nothing is consumed that nobody can take. */
  private async live(signal: AbortSignal): Promise<void> {
    const delivery = await this.options.delivery();
    const erasures = await this.options.erasures();
    this.delivery = delivery;
    const life = new AbortController();
    const until = AbortSignal.any([signal, life.signal]);
    const tick = setInterval(() => delivery.push(), LINGER_MS);
    let drainMs = 0;
    let limit: NodeJS.Timeout | undefined;
    const close = (): void => {
      delivery.close();
      erasures.close();
    };
    const stop = (): void => void (limit = setTimeout(close, drainMs));
    signal.addEventListener('abort', stop);
    try {
      const table = await delivery.open();
      drainMs = DRAIN_MS;
      const settleMs = await this.options.settleMs();
      await erasures.open();
      const member = await this.options.member();
      const taking = this.newTaking(delivery, erasures);
      this.taking = taking;
      const consuming = member.run(taking, until);
      const confirming = this.confirm(taking, member, settleMs, table, until);
      try {
        await Promise.race([consuming, confirming]);
      } finally {
        life.abort();
        await Promise.allSettled([consuming, confirming]);
      }
    } finally {
      signal.removeEventListener('abort', stop);
      clearTimeout(limit);
      clearInterval(tick);
      life.abort();
      close();
      this.taking?.erasing.close();
      this.rows += delivery.rows;
      this.refused += delivery.refused;
      this.delivery = undefined;
      this.taking = undefined;
    }
  }

  private newTaking(delivery: Delivery, table: ErasureTable): Taking {
    const { topics, clock, report, note, longestPauseMs: againMs = LONGEST_PAUSE_MS } = this.options;
    const counts = this.erasingCounts;
    const erasing = new Erasing({ delivery, table, topics, clock, counts, againMs, report, note });
    let isTold = false;
    const checkMark = async (mark: string | null): Promise<void> => {
      const { connection, samplesTable } = table;
      if (isTold || !(await isAnotherTable(connection, samplesTable, mark))) return;
      isTold = true;
      report(new Fault('hub-table-replaced', `${samplesTable}.`));
    };
    return new Taking(delivery, topics, erasing, checkMark, (why, records) => void (this.counts[why] += records));
  }

  /** Commits what has been applied, of which nothing is to be erased any more, and has settled. */
  private async confirm(
    taking: Taking,
    member: GroupMember,
    settleMs: number,
    table: WalState,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock } = this.options;
    const settling: Settling[] = [];
    let uncommitted = 0;
    while (!signal.aborted) {
      const moved = taking.moved();
      const next = taking.next;
      if (moved.length > 0) await taking.delivery.confirm();
      const withheld = await taking.erasing.carryOut(next, (topics) => member.committed(topics));
      const positions = moved.filter(({ topic }) => !withheld.has(topic));
      if (positions.length > 0) {
        taking.passed(positions);
        const mark = markOf(table, taking.delivery.transaction);
        settling.push({ dueMs: clock.monotonicMs() + settleMs, positions, mark });
      }
      for (let [first] = settling; first !== undefined && first.dueMs <= clock.monotonicMs(); [first] = settling) {
        const own = taking.ownOf(first.positions);
        if (own.length > 0 && !(await member.commit(own, first.mark))) {
          if (++uncommitted > MAX_UNCOMMITTED) throw new Fault('kafka-refused', 'The group does not come to rest.');
          break;
        }
        uncommitted = 0;
        taking.committed(own);
        settling.shift();
      }
      if (taking.joined) {
        this.state = 'following';
        this.problem = null;
      }
      await pause(CHECKPOINT_MS, undefined, { signal }).catch(() => undefined); // aborted: it ends
    }
  }
}
