import type { ModelSpec, Score } from '../../models/model.ts';
import type { AlarmDefinition, Evidence, JournalEntry } from '../alarms/alarm.ts';
import type { AlarmBook } from '../alarms/book.ts';
import { LimitCondition } from '../alarms/limit.ts';
import type { Value } from '../core/sample.ts';
import { isGood } from '../core/status-code.ts';
import type { LimitAlarm, WatchedModel } from './messages.ts';

interface Watched {
  readonly definition: AlarmDefinition;
  readonly condition: LimitCondition;
}

/** Brings samples to the limit alarms of their tags, and what comes of it into the book. Lines of the journal go to `write`, which must make them durable. */
export class AlarmWatch {
  private readonly book: AlarmBook;
  private readonly write: (line: JournalEntry) => void;
  /** Samples from before are no reason for an alarm, µs. */
  private readonly startUs: number;
  private readonly byTag = new Map<string, Watched[]>();
  private readonly models = new Map<string, ModelSpec>();

  constructor(book: AlarmBook, startUs: number, write: (line: JournalEntry) => void) {
    this.book = book;
    this.startUs = startUs;
    this.write = write;
  }

  /** Watches a tag. The alarm's id is its name. */
  add({ name, tag, high, low, deadband, onDelayMs, priority, onReturn }: LimitAlarm): void {
    const asset = tag.slice(0, tag.lastIndexOf('/'));
    const definition: AlarmDefinition = { id: name, name, kind: 'limit', tag, asset, priority, onReturn };
    const condition = new LimitCondition({ high, low, deadband, onDelayUs: onDelayMs * 1000 });
    this.book.define(definition);
    this.byTag.set(tag, [...(this.byTag.get(tag) ?? []), { definition, condition }]);
  }

  /** Makes the alarm of a model known: its id is the model's name. */
  addModel({ spec, scoreTag, priority, onReturn }: WatchedModel, site: string): void {
    const { name, asset } = spec;
    const definition: AlarmDefinition = {
      id: name,
      name,
      kind: 'model',
      tag: `${site}/${scoreTag}`,
      asset,
      priority,
      onReturn,
    };
    this.book.define(definition);
    this.models.set(name, spec);
  }

  /** Takes a model's score of a window in. */
  scored(model: string, score: Score, nowUs: number): void {
    const spec = this.models.get(model);
    if (spec === undefined || score.timeUs < this.startUs) return;
    const line = this.book.condition(model, score.stands, score.timeUs, nowUs, evidenceOfScore(spec, score));
    if (line !== undefined) this.write(line);
  }

  /**
   * A model looks no more, and nothing would ever end its alarm: it returns, and the message says why it did (ISA-18.2: what is not measured is no standing alarm). If nobody had seen it and it is
   * `latched`, it stays to be acknowledged.
   */
  silenced(model: string, why: string, nowUs: number): void {
    const alarm = this.book.standing().find(({ id }) => id === model);
    if (alarm === undefined || !alarm.stands) return;
    const message = `${alarm.evidence.message}; ended because the model looks no more: ${why}`;
    this.book.condition(model, true, nowUs, nowUs, { ...alarm.evidence, message });
    const line = this.book.condition(model, false, nowUs, nowUs, alarm.evidence);
    if (line !== undefined) this.write(line);
  }

  /** Goes on where an earlier run ended: conditions that stood then stand until a value says otherwise. */
  resume(): void {
    const before = new Map(this.book.standing().map((alarm) => [alarm.id, alarm]));
    for (const watched of this.byTag.values())
      for (const { definition, condition } of watched) {
        const alarm = before.get(definition.id);
        if (alarm?.stands === true) condition.resume(alarm.sinceUs, alarm.evidence.limit, alarm.evidence.value);
      }
  }

  watches(tag: string): boolean {
    return this.byTag.has(tag);
  }

  /**
   * Takes a sample of a tag in: its effective time, and when it arrived, µs. Values that are no numbers say nothing about a limit. A value from before the start raises nothing;
   * if it arrives after the start (a source that reports changes sends what it has), it ends what an earlier run left standing.
   */
  sample(tag: string, timeUs: number, arrivalUs: number, value: Value, quality: number): void {
    const number = typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : null;
    const isOld = timeUs < this.startUs;
    for (const one of this.byTag.get(tag) ?? []) {
      const { condition } = one;
      if (isOld && !(condition.stands && arrivalUs >= this.startUs && timeUs >= condition.sinceUs)) continue;
      condition.sample(timeUs, arrivalUs, number, quality);
      if (number !== null && isGood(quality)) this.tell(one, timeUs, arrivalUs);
    }
  }

  /** Time goes by: delays end by `seenUs`, up to which all samples have been seen; shelved alarms come back. */
  tick(seenUs: number, nowUs: number): void {
    for (const watched of this.byTag.values())
      for (const one of watched) {
        const stood = one.condition.stands;
        one.condition.tick(seenUs);
        if (one.condition.stands !== stood) this.tell(one, one.condition.sinceUs, nowUs);
      }
    for (const line of this.book.expire(nowUs)) this.write(line);
  }

  private tell({ definition, condition }: Watched, timeUs: number, nowUs: number): void {
    const { stands } = condition;
    const at = stands ? condition.sinceUs : timeUs;
    const line = this.book.condition(definition.id, stands, at, nowUs, evidenceOf(definition, condition));
    if (line !== undefined) this.write(line);
  }
}

function evidenceOf({ tag }: AlarmDefinition, { limit, value }: LimitCondition): Evidence {
  const side = value > limit ? 'above' : 'below';
  return { message: `${nameOf(tag)} is ${digits(value)}, ${side} ${limit}`, value, limit, reasons: [] };
}

/** What the model saw that it had not expected, the signal with the greatest share first. */
function evidenceOfScore({ signals }: ModelSpec, { score, contributions }: Score): Evidence {
  const reasons = contributions.map(({ signal, expected, seen, share }) => {
    return { signal: signals[signal] ?? '', expected, seen, share };
  });
  const [first] = reasons;
  const why =
    first === undefined ? '' : `: ${nameOf(first.signal)} is ${digits(first.seen)}, expected ${digits(first.expected)}`;
  return { message: `unusual behaviour${why}`, value: score, limit: 1, reasons };
}

function nameOf(tag: string): string {
  return tag.slice(tag.lastIndexOf('/') + 1);
}

/** Four digits are enough for a message; the reasons have all of them. */
function digits(value: number): string {
  return String(Number(value.toPrecision(4)));
}
