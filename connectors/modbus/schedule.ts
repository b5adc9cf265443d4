import type { Block } from './plan.ts';
import { splitBlock } from './plan.ts';

/** When what is asked: the polling policy. All times are of one clock that never goes back, ms. */
export interface PollPolicy {
  /** Cycles without an answer before a unit counts as dead, beside the first. */
  readonly retries: number;
  /** What a question to a dead unit costs. */
  readonly timeoutMs: number;
  readonly silentPauseMs: number;
  readonly refusedPauseMs: number;
}

/** What is to be read of a unit. */
export interface UnitPlan {
  readonly id: number;
  readonly groups: readonly GroupPlan[];
}

interface GroupPlan {
  readonly name: string;
  readonly intervalMs: number;
  readonly blocks: readonly Block[];
}

/** One question. */
export interface Task {
  readonly unit: UnitState;
  readonly group: GroupState;
  readonly block: Block;
}

/** Cycles of a group that were left out. */
export interface Overrun {
  readonly unit: number;
  readonly group: string;
  readonly cycles: number;
}

interface GroupState {
  readonly name: string;
  readonly intervalMs: number;
  blocks: Block[];
  /** Blocks of the cycle that is under way, in order. */
  queue: Block[];
  /** When that cycle began to be due. */
  sinceMs: number;
  /** When the next one is. */
  dueMs: number;
  /** Refused blocks, and when they are asked for again. */
  readonly resting: Map<Block, number>;
  overruns: number;
}

interface UnitState {
  readonly id: number;
  readonly groups: GroupState[];
  /** Shortest interval. */
  readonly intervalMs: number;
  /** Questions in a row without an answer. */
  silences: number;
  /** Whether it has answered since it last counted as dead. */
  heard: boolean;
  /** When a dead unit is asked again; undefined while it counts as living. */
  probeMs: number | undefined;
}

/** Of a dead unit's time-outs, all of them together take at most this part of the time. */
const SILENT_SHARE = 0.1;

/**
 * Each group of each unit has its own interval and a fixed phase: cycle n is due at the start plus n intervals, however long the earlier ones took. A cycle whose predecessor
 * is not done is left out and counted. Of what is due the oldest is asked first; a unit that does not answer is left alone for growing pauses, and its questions take turns
 * with those to living units.
 */
export class Schedule {
  private readonly units: readonly UnitState[];
  private readonly policy: PollPolicy;
  private probedLast = false;

  constructor(units: readonly UnitPlan[], policy: PollPolicy, startMs: number) {
    this.policy = policy;
    this.units = units.map(({ id, groups }) => ({
      id,
      groups: groups.map(({ name, intervalMs, blocks }) => ({
        name,
        intervalMs,
        blocks: [...blocks],
        queue: [],
        sinceMs: startMs,
        dueMs: startMs,
        resting: new Map(),
        overruns: 0,
      })),
      intervalMs: Math.min(...groups.map(({ intervalMs }) => intervalMs)),
      silences: 0,
      heard: false,
      probeMs: undefined,
    }));
  }

  /** The next question, or for how long there is none, ms. */
  next(nowMs: number): Task | number {
    for (const unit of this.units) for (const group of unit.groups) this.tick(unit, group, nowMs);
    const living = this.oldest();
    const probe = this.dueProbe(nowMs);
    if (probe !== undefined && (living === undefined || !this.probedLast)) {
      this.probedLast = true;
      return probe;
    }
    this.probedLast = false;
    if (living === undefined) return this.pauseMs(nowMs);
    const block = living.group.queue.shift();
    return block === undefined ? 0 : { ...living, block };
  }

  /** The unit answered, whatever. Returns true if it was not known to be there. */
  answered({ unit, group, block }: Task, nowMs: number): boolean {
    unit.silences = 0;
    const isNew = !unit.heard;
    unit.heard = true;
    if (unit.probeMs === undefined) return isNew;
    unit.probeMs = undefined;
    // Everything is old: all of it is read at once, and the phases stay.
    for (const each of unit.groups) {
      each.queue = each.blocks.filter((candidate) => each !== group || candidate !== block);
      each.sinceMs = nowMs;
      each.dueMs = nextDue(each, nowMs);
    }
    return isNew;
  }

  /**
   * The unit did not answer: the rest of its cycle is left out, so that it costs one time-out. Returns the blocks that are without a value, and whether it is now that it
   * counts as dead.
   */
  silent({ unit, group, block }: Task, nowMs: number): { readonly blocks: readonly Block[]; readonly died: boolean } {
    unit.silences++;
    // Some devices are silent only where they have nothing to say: such a block must not hide those behind it.
    group.blocks = [...group.blocks.filter((candidate) => candidate !== block), block];
    const missing = [block, ...unit.groups.flatMap(({ queue }) => queue)];
    for (const each of unit.groups) each.queue = [];
    // One that has not answered yet gets no second chance before it counts as dead: a bus begins with those that are there.
    if (unit.heard && unit.silences <= this.policy.retries) return { blocks: missing, died: false };
    const died = unit.probeMs === undefined;
    unit.heard = false;
    // It counts among the dead when the pause is reckoned.
    unit.probeMs = nowMs;
    unit.probeMs = nowMs + this.silentPause(unit);
    return { blocks: unit.groups.flatMap(({ blocks }) => blocks), died };
  }

  /**
   * The unit refused the address. The block is parted, so that one bad register does not hide the others, and the parts are asked for at once. Returns false if it cannot
   * be parted: it then rests for a while.
   */
  refused({ group, block }: Task, nowMs: number): boolean {
    const parts = splitBlock(block);
    if (parts === undefined) {
      group.resting.set(block, nowMs + this.policy.refusedPauseMs);
      return false;
    }
    group.blocks = group.blocks.flatMap((candidate) => (candidate === block ? parts : [candidate]));
    group.queue.unshift(...parts);
    return true;
  }

  /** Cycles that were left out since the last call. */
  takeOverruns(): Overrun[] {
    const found: Overrun[] = [];
    for (const unit of this.units) {
      for (const group of unit.groups) {
        if (group.overruns === 0) continue;
        found.push({ unit: unit.id, group: group.name, cycles: group.overruns });
        group.overruns = 0;
      }
    }
    return found;
  }

  private tick(unit: UnitState, group: GroupState, nowMs: number): void {
    if (nowMs < group.dueMs) return;
    const missed = Math.floor((nowMs - group.dueMs) / group.intervalMs);
    const sinceMs = group.dueMs + missed * group.intervalMs;
    group.dueMs = sinceMs + group.intervalMs;
    if (unit.probeMs !== undefined) return;
    group.overruns += missed;
    if (group.queue.length > 0) {
      group.overruns++;
      return;
    }
    group.sinceMs = sinceMs;
    group.queue = group.blocks.filter((block) => isAwake(group, block, nowMs));
  }

  /** The cycle that has been due for longest. */
  private oldest(): { readonly unit: UnitState; readonly group: GroupState } | undefined {
    let best: { unit: UnitState; group: GroupState } | undefined;
    for (const unit of this.units) {
      for (const group of unit.groups) {
        if (group.queue.length === 0) continue;
        if (best === undefined || group.sinceMs < best.group.sinceMs) best = { unit, group };
      }
    }
    return best;
  }

  private dueProbe(nowMs: number): Task | undefined {
    let best: UnitState | undefined;
    for (const unit of this.units) {
      if (unit.probeMs === undefined || unit.probeMs > nowMs) continue;
      if (best?.probeMs === undefined || unit.probeMs < best.probeMs) best = unit;
    }
    const [group] = best?.groups ?? [];
    const [block] = group?.blocks ?? [];
    return best === undefined || group === undefined || block === undefined ? undefined : { unit: best, group, block };
  }

  private pauseMs(nowMs: number): number {
    const times = this.units.flatMap(({ groups, probeMs }) =>
      probeMs === undefined ? groups.map(({ dueMs }) => dueMs) : [probeMs],
    );
    return Math.max(0, Math.min(...times) - nowMs);
  }

  /** Doubles with each question, from the unit's shortest interval on. */
  private silentPause(unit: UnitState): number {
    const { silentPauseMs, timeoutMs } = this.policy;
    const dead = this.units.filter(({ probeMs }) => probeMs !== undefined).length;
    const longest = Math.max(silentPauseMs, (dead * timeoutMs) / SILENT_SHARE);
    return Math.min(unit.intervalMs * 2 ** Math.min(unit.silences - 1, 30), longest);
  }
}

function isAwake(group: GroupState, block: Block, nowMs: number): boolean {
  const untilMs = group.resting.get(block);
  if (untilMs === undefined) return true;
  if (nowMs < untilMs) return false;
  group.resting.delete(block);
  return true;
}

function nextDue({ dueMs, intervalMs }: GroupState, nowMs: number): number {
  return nowMs < dueMs ? dueMs : dueMs + (Math.floor((nowMs - dueMs) / intervalMs) + 1) * intervalMs;
}
