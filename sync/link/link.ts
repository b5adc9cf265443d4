import type { LinkContext } from './context.ts';
import { type MirrorBefore, PartitionMirror } from './partition-mirror.ts';
import { type LinkStatus, linkStatus } from './status.ts';

/** All mirrors of one link, on one thread. */
export class Link {
  private readonly context: LinkContext;
  private readonly mirrors: readonly PartitionMirror[];

  /** `before`: what an earlier life of the link remembers. */
  constructor(context: LinkContext, paused: boolean, before: readonly MirrorBefore[] = []) {
    this.context = context;
    this.mirrors = context.link.topics.map((topic) => {
      const last = before.find((candidate) => candidate.topic === topic);
      return new PartitionMirror(context, topic, paused, last);
    });
  }

  status(): LinkStatus {
    const topics = this.mirrors.map((mirror) => mirror.status());
    return linkStatus(this.context.link, topics);
  }

  pause(): void {
    for (const mirror of this.mirrors) mirror.pause();
  }

  resume(): void {
    for (const mirror of this.mirrors) mirror.resume();
  }

  /** Runs until the signal ends it; what is in flight is then finished, within the time for it. Rejects with an error of the program or of this machine. */
  async run(signal: AbortSignal): Promise<void> {
    void this.follow(signal);
    await Promise.all(this.mirrors.map((mirror) => mirror.run(signal)));
  }

  /** Tells the mirrors that the log has grown. */
  private async follow(signal: AbortSignal): Promise<void> {
    const { ends } = this.context;
    while (!signal.aborted) {
      const seen = ends.current();
      for (const mirror of this.mirrors) mirror.bell.ring();
      await ends.changed(seen);
    }
  }
}
