import type { ModelSpec, Score } from '../../models/model.ts';
import type { AlarmDefinition, Evidence, JournalEntry } from '../alarms/alarm.ts';
import type { AlarmBook } from '../alarms/book.ts';
import { LimitCondition, type LimitState } from '../alarms/limit.ts';
import type { Value } from '../core/sample.ts';
import { isGood } from '../core/status-code.ts';
import type { LimitAlarm, WatchedModel } from './messages.ts';

interface Watched {
  readonly definition: AlarmDefinition;
  readonly condition: LimitCondition;
}

/** What a later run needs besides the book, by alarm. */
export interface AlarmWatchState {
  /** Since when each alarm has been watched, µs. */
  readonly starts: Readonly<Record<string, number>>;
  readonly conditions: Readonly<Record<string, LimitState>>;
}

/** Makes a line of the journal durable. `bySample`: the samples, replayed, make it again. */
export type WriteLine = (line: JournalEntry, bySample: boolean) => void;

/** Brings samples to the limit alarms of their tags, and what comes of it into the book. Lines of the journal go to `write`. */
export class AlarmWatch {
  private readonly book: AlarmBook;
  private readonly write: WriteLine;
  /** Start of the alarms that no earlier run watched, µs. */
  private readonly startUs: number;
  /** By alarm: samples from before are no reason for it, µs. */
  private readonly starts = new Map<string, number>();
  private readonly byTag = new Map<string, Watched[]>();
  private readonly models = new Map<string, ModelSpec>();

  constructor(book: AlarmBook, startUs: number, write: WriteLine) {
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
    this.starts.set(name, this.startUs);
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
    this.starts.set(name, this.startUs);
    this.models.set(name, spec);
  }

  /** What a later run goes on from, together with the book. */
  get state(): AlarmWatchState {
    const conditions = [...this.byTag.values()].flat().flatMap(({ definition, condition }) => {
      const { state } = condition;
      return state === undefined ? [] : [[definition.id, state] as const];
    });
    return { starts: Object.fromEntries(this.starts), conditions: Object.fromEntries(conditions) };
  }

  /** Goes on where an earlier run was. Returns whether that one knew all alarms of this one. */
  restore({ starts, conditions }: AlarmWatchState): boolean {
    let known = true;
    for (const id of this.starts.keys()) {
      const startUs = starts[id];
      if (startUs === undefined) known = false;
      else this.starts.set(id, startUs);
    }
    for (const { definition, condition } of [...this.byTag.values()].flat()) {
      const state = conditions[definition.id];
      if (state !== undefined) condition.restore(state);
    }
    return known;
  }

  /** Takes a line over that an earlier run wrote, and that no sample makes again. */
  replay(line: JournalEntry): void {
    this.book.apply(line);
    if (line.transition !== 'raised') return;
    // A delay that ended.
    for (const { definition, condition } of this.byTag.get(line.definition.tag) ?? [])
      if (definition.id === line.definition.id) condition.tick(Number.POSITIVE_INFINITY);
  }

  /** Takes a model's score of a window in. */
  scored(model: string, score: Score, nowUs: number): void {
    const spec = this.models.get(model);
    if (spec === undefined || score.timeUs < this.startOf(model)) return;
    const line = this.book.condition(model, score.stands, score.timeUs, nowUs, evidenceOfScore(spec, score));
    if (line !== undefined) this.write(line, true);
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
    if (line !== undefined) this.write(line, false);
  }

  /** Has the conditions say what the book says: those that stand there stand until a value says otherwise. */
  resume(): void {
    const before = new Map(this.book.standing().map((alarm) => [alarm.id, alarm]));
    for (const watched of this.byTag.values())
      for (const { definition, condition } of watched) {
        const alarm = before.get(definition.id);
        if (condition.stands === (alarm?.stands ?? false)) continue;
        if (alarm?.stands === true) condition.resume(alarm.sinceUs, alarm.evidence.limit, alarm.evidence.value);
        else condition.end();
      }
  }

  private startOf(id: string): number {
    return this.starts.get(id) ?? this.startUs;
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
    for (const one of this.byTag.get(tag) ?? []) {
      const { condition, definition } = one;
      const startUs = this.startOf(definition.id);
      const ends = condition.stands && arrivalUs >= startUs && timeUs >= condition.sinceUs;
      if (timeUs < startUs && !ends) continue;
      condition.sample(timeUs, arrivalUs, number, quality);
      if (number !== null && isGood(quality)) this.tell(one, timeUs, arrivalUs, true);
    }
  }

  /** Time goes by: delays end by `seenUs`, up to which all samples have been seen; shelved alarms come back. */
  tick(seenUs: number, nowUs: number): void {
    for (const watched of this.byTag.values())
      for (const one of watched) {
        const stood = one.condition.stands;
        one.condition.tick(seenUs);
        if (one.condition.stands !== stood) this.tell(one, one.condition.sinceUs, nowUs, false);
      }
    for (const line of this.book.expire(nowUs)) this.write(line, false);
  }

  private tell({ definition, condition }: Watched, timeUs: number, nowUs: number, bySample: boolean): void {
    const { stands } = condition;
    const at = stands ? condition.sinceUs : timeUs;
    const line = this.book.condition(definition.id, stands, at, nowUs, evidenceOf(definition, condition));
    if (line !== undefined) this.write(line, bySample);
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
