import { type Value, ValueKind } from '../core/sample.ts';
import type { MappedName } from './names.ts';
import type { Refusal, RefusalReason, RowSink } from './rows.ts';
import { shownValue } from './shown-value.ts';

/** Lines that are shown of each thing. */
const SHOWN_LINES = 3;
/** Hours that are named in which clocks showed the same times twice. */
const SHOWN_HOURS = 20;
const HOUR_US = 3_600_000_000;

/** Rows that are refused for one reason. */
export interface PlannedRefusal {
  readonly reason: RefusalReason;
  count: number;
  /** The first of them. */
  readonly first: Refusal[];
}

/** What would come of one name. */
export interface PlannedTag {
  readonly name: MappedName;
  samples: number;
  firstUs: number;
  lastUs: number;
  /** Its first sample, to be looked at. */
  readonly example: { readonly timeUs: number; readonly value: Value; readonly quality: number; readonly line: number };
}

/** Hour in which clocks showed the same times twice, and how many rows were taken for the first and the second. */
interface AmbiguousHour {
  readonly hourUs: number;
  first: number;
  second: number;
}

type Form = 'boolean' | 'double' | 'string';

/** Rows of a name without a type, by what they look like. */
interface Seen {
  count: number;
  readonly first: Refusal[];
}

/** The first pass over the files of an import: what would come, what would be refused and why. Learns the types of tags that nobody knows. Writes nothing. */
export class ImportPlan implements RowSink {
  readonly tags = new Map<number, PlannedTag>();
  readonly refusals = new Map<RefusalReason, PlannedRefusal>();
  readonly ambiguousHours = new Map<number, AmbiguousHour>();
  rows = 0;
  passedOver = 0;
  file = '';
  /** By the number of the name. */
  private readonly unknown = new Map<number, Map<Form, Seen>>();

  sample(name: MappedName, timeUs: number, kind: ValueKind, value: Value, quality: number, line: number): void {
    const known = this.tags.get(name.number);
    if (known === undefined) {
      this.tags.set(name.number, {
        name,
        samples: 1,
        firstUs: timeUs,
        lastUs: timeUs,
        example: { timeUs, value, quality, line },
      });
    } else {
      known.samples++;
      known.firstUs = Math.min(known.firstUs, timeUs);
      known.lastUs = Math.max(known.lastUs, timeUs);
    }
    if (name.declared === undefined && kind !== ValueKind.null) this.look(name, kind, value, line);
  }

  private look(name: MappedName, kind: ValueKind, value: Value, line: number): void {
    const form = kind === ValueKind.boolean ? 'boolean' : kind === ValueKind.double ? 'double' : 'string';
    let forms = this.unknown.get(name.number);
    if (forms === undefined) this.unknown.set(name.number, (forms = new Map<Form, Seen>()));
    let seen = forms.get(form);
    if (seen === undefined) forms.set(form, (seen = { count: 0, first: [] }));
    seen.count++;
    if (seen.first.length >= SHOWN_LINES) return;
    const detail = `${JSON.stringify(shownValue(value).slice(0, 60))} among values of another type`;
    seen.first.push({
      file: this.file,
      line,
      name: name.name,
      text: shownValue(value).slice(0, 200),
      reason: 'wrong-type',
      detail,
    });
  }

  refused(refusal: Refusal): void {
    this.add(refusal.reason, 1, [refusal]);
  }

  private add(reason: RefusalReason, count: number, first: readonly Refusal[]): void {
    let known = this.refusals.get(reason);
    if (known === undefined) this.refusals.set(reason, (known = { reason, count: 0, first: [] }));
    known.count += count;
    known.first.push(...first.slice(0, Math.max(0, SHOWN_LINES - known.first.length)));
  }

  ignored(): void {
    this.passedOver++;
  }

  ambiguous(timeUs: number, second: boolean): void {
    const hourUs = Math.floor(timeUs / HOUR_US) * HOUR_US;
    let hour = this.ambiguousHours.get(hourUs);
    if (hour === undefined) {
      if (this.ambiguousHours.size >= SHOWN_HOURS) return;
      this.ambiguousHours.set(hourUs, (hour = { hourUs, first: 0, second: 0 }));
    }
    if (second) hour.second++;
    else hour.first++;
  }

  /** Gives the tags that have no type the one that most of their values have; what has another one will be refused. To be called behind the last file. */
  learnTypes(): void {
    for (const [number, forms] of this.unknown) {
      const tag = this.tags.get(number);
      if (tag === undefined) continue;
      const count = (form: Form): number => forms.get(form)?.count ?? 0;
      const type =
        count('string') > count('double') + count('boolean')
          ? 'string'
          : count('double') > 0
            ? 'double'
            : count('boolean') > 0
              ? 'boolean'
              : 'string';
      tag.name.declared = type;
      // Every text is a string.
      if (type === 'string') continue;
      for (const [form, seen] of forms) {
        if (form === type) continue;
        tag.samples -= seen.count;
        this.add('wrong-type', seen.count, seen.first);
      }
    }
    this.unknown.clear();
  }

  /** Samples that would come. */
  get samples(): number {
    let sum = 0;
    for (const { samples } of this.tags.values()) sum += samples;
    return sum;
  }

  get refusedRows(): number {
    let sum = 0;
    for (const { count } of this.refusals.values()) sum += count;
    return sum;
  }
}
