import type { LogFigures } from '../core/retention/log-figures.ts';

/** Rates are taken over the last ten minutes, from a look every ten seconds. */
const LOOKS = 61;

/** A link, and the topics that it mirrors. */
export interface MirroredTopics {
  readonly name: string;
  readonly topics: readonly string[];
}

/** What is to be expected of the log. */
export interface LogOutlook {
  readonly bytesPerSecond: number;
  /** Until it has used what it may take: then its oldest data goes. 0: it has; Infinity: nothing is appended. */
  readonly fullInSeconds: number;
  /** How long all that it may take lasts at the present rate: how far back it reaches in the end. */
  readonly lastsSeconds: number;
  /** Bytes a second, by topic. */
  readonly topicRates: ReadonlyMap<string, number>;
}

/** What is to be expected of a link. */
export interface LinkOutlook {
  readonly name: string;
  /** Bytes of segments that it has not had all of. */
  readonly waitingBytes: number;
  /** Until data goes that it has not had, if it mirrors nothing from now on; Infinity: nothing is appended to its topics. */
  readonly losesInSeconds: number;
}

interface Look {
  readonly atMs: number;
  readonly appended: ReadonlyMap<string, number>;
}

/** How long the log's budget lasts at the present rate, and when a link that is down would begin to lose data. */
export class LogForecast {
  private readonly looks: Look[] = [];

  /** Looks at what was appended; to be called every ten seconds. */
  look(nowMs: number, { topics }: LogFigures): void {
    if (topics.length === 0) return;
    this.looks.push({ atMs: nowMs, appended: new Map(topics.map((each) => [each.topic, each.appendedBytes])) });
    if (this.looks.length > LOOKS) this.looks.shift();
  }

  /** Of the whole log. */
  log({ bytes, limitBytes }: LogFigures): LogOutlook {
    const topicRates = this.rates();
    const bytesPerSecond = [...topicRates.values()].reduce((sum, rate) => sum + rate, 0);
    return {
      bytesPerSecond,
      fullInSeconds: bytes >= limitBytes ? 0 : secondsOf(limitBytes - bytes, bytesPerSecond),
      lastsSeconds: secondsOf(limitBytes, bytesPerSecond),
      topicRates,
    };
  }

  /** Of links: what nobody needs goes before what they lack does, so that one may have nearly all of the log for itself. */
  links({ limitBytes, linkBytes }: LogFigures, links: readonly MirroredTopics[]): LinkOutlook[] {
    const rates = this.rates();
    return links.map(({ name, topics }) => {
      const waitingBytes = linkBytes[name] ?? 0;
      const rate = topics.reduce((sum, topic) => sum + (rates.get(topic) ?? 0), 0);
      return { name, waitingBytes, losesInSeconds: secondsOf(Math.max(0, limitBytes - waitingBytes), rate) };
    });
  }

  private rates(): Map<string, number> {
    const first = this.looks[0];
    const last = this.looks.at(-1);
    const rates = new Map<string, number>();
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return rates;
    for (const [topic, bytes] of last.appended)
      rates.set(topic, ((bytes - (first.appended.get(topic) ?? 0)) / (last.atMs - first.atMs)) * 1000);
    return rates;
  }
}

function secondsOf(bytes: number, bytesPerSecond: number): number {
  return bytesPerSecond > 0 ? bytes / bytesPerSecond : Infinity;
}
