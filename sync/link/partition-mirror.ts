import { setTimeout as delay } from 'node:timers/promises';
import { Fault } from '../../edge/core/fault.ts';
import { isPassing } from './answers.ts';
import { BackOff } from './back-off.ts';
import { Bell } from './bell.ts';
import type { LinkContext } from './context.ts';
import { destinationOf } from './link-config.ts';
import { Pace } from './pace.ts';
import { type MirrorMemory, MirrorSession } from './session.ts';
import { measured, type MirrorState, type TopicStatus } from './status.ts';
import type { MirrorWriter } from './writer.ts';

const LONG_MS = 30_000;
const IDLE_MS = 3600_000;

/** What a mirror remembers when its worker was lost. */
export type MirrorBefore = Pick<TopicStatus, 'topic' | 'topicId' | 'state' | 'detail' | 'lastError'>;

/**
 * The mirror of one topic: connects, compares, writes, and begins again for ever while the destination is away. What needs a person ends in the state
 * `failed`, until `resume`.
 */
export class PartitionMirror {
  /** Rung when the log has grown. */
  readonly bell = new Bell();
  private readonly context: LinkContext;
  private readonly topic: string;
  private readonly pace = new Pace();
  private readonly backOff: BackOff;
  private memory: MirrorMemory;
  private paused: boolean;
  private state: MirrorState;
  private detail: string;
  private lastError: TopicStatus['lastError'];
  private warnings: readonly string[] = [];
  private writer: MirrorWriter | undefined;
  private leave = new AbortController();

  constructor(context: LinkContext, topic: string, paused: boolean, before?: MirrorBefore) {
    this.context = context;
    this.topic = topic;
    this.backOff = new BackOff(context.random);
    this.memory = newMemory();
    this.paused = paused;
    this.state = before?.state === 'failed' ? 'failed' : 'starting';
    this.detail = before?.state === 'failed' ? before.detail : '';
    this.lastError = before?.lastError;
    if (before?.topicId !== undefined) this.memory.topic = { id: before.topicId };
  }

  status(): TopicStatus {
    const { context, topic, detail, warnings, lastError } = this;
    const known = {
      topic,
      destination: destinationOf(context.link, topic),
      state: this.paused ? 'paused' : this.state,
      detail,
      warnings,
      mirrored: this.writer?.confirmed,
      lastError,
      topicId: this.memory.topic?.id,
    };
    return measured(known, context.ends);
  }

  /** Finishes what is in flight and stops writing. */
  pause(): void {
    this.paused = true;
    this.leave.abort();
  }

  /** Goes on after a pause, or tries again at once: after a failure with whatever topic it finds, and taking the link from any other gateway. */
  resume(): void {
    this.paused = false;
    if (this.state === 'failed') {
      this.memory = newMemory();
      this.enter('starting', '');
    }
    // Ends the wait between two attempts.
    if (this.state === 'connecting') this.leave.abort();
    this.backOff.reset();
    this.bell.ring();
  }

  /** Runs until the signal ends it. Rejects only with what is an error of the program or of this machine. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => {
      this.leave.abort();
      this.bell.ring();
    };
    signal.addEventListener('abort', stop, { once: true });
    while (!signal.aborted) {
      if (this.paused || this.state === 'failed') {
        await this.bell.wait(IDLE_MS);
        continue;
      }
      this.leave = new AbortController();
      await this.attempt(this.leave.signal);
    }
    signal.removeEventListener('abort', stop);
  }

  private async attempt(leave: AbortSignal): Promise<void> {
    const { context, topic, memory, pace, bell } = this;
    const { clock } = context;
    this.enter('connecting', this.detail);
    const startMs = clock.monotonicMs();
    let from = Number.POSITIVE_INFINITY;
    const session = new MirrorSession({
      context,
      topic,
      memory,
      pace,
      bell,
      onWarnings: (warnings) => {
        this.warnings = warnings;
      },
      onMirroring: (writer) => {
        this.writer = writer;
        from = writer.confirmed;
        this.enter('mirroring', '');
      },
    });
    try {
      await session.run(leave);
      if (!leave.aborted) this.enter('connecting', '');
    } catch (error) {
      if (leave.aborted) return;
      if (!(error instanceof Fault)) throw error;
      const hasWritten = (this.writer?.confirmed ?? 0) > from;
      if (hasWritten || clock.monotonicMs() - startMs > LONG_MS) this.backOff.reset();
      await this.note(error, leave);
    }
  }

  private async note(fault: Fault, leave: AbortSignal): Promise<void> {
    this.lastError = { code: fault.code, detail: fault.detail, atMs: this.context.clock.nowMs() };
    // What the topic before had says nothing about the one that is there now.
    if (fault.code === 'link-topic-recreated') this.writer = undefined;
    if (!isPassing(fault)) return this.enter('failed', fault.message);
    this.enter('connecting', fault.message);
    // Ended by a stop or a pause.
    await delay(this.backOff.pause(), undefined, { signal: leave }).catch(() => undefined);
  }

  private enter(state: MirrorState, detail: string): void {
    this.state = state;
    this.detail = detail;
  }
}

function newMemory(): MirrorMemory {
  return { topic: undefined, missingSinceMs: undefined, producer: undefined, usurpedAt: undefined };
}
