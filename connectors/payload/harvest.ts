import { MAX_SEGMENTS } from '../../edge/core/tag-path.ts';
import { escapeSegment } from '../../edge/core/tag-path.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { isGood, StatusCode } from '../../edge/core/status-code.ts';
import type { Problem, QuarantineReason, RawValue } from '../contract.ts';
import { isObject, type Json } from './json.ts';
import { toValue } from './json-value.ts';
import { type CompiledField, declaredTagType } from './mapping.ts';
import type { TypedValue, ValueProblem } from './typed-value.ts';

/** Values that one payload may give; a payload with more gives none and the problem `too-large`. */
export const MAX_VALUES = 10_000;
/** Problems that are told one by one: each puts the payload into quarantine once more. */
export const MAX_PROBLEMS = 16;
/** Of these the site takes one. */
const MAX_RELATIVE_SEGMENTS = MAX_SEGMENTS - 1;

/** What a payload gave. */
export interface PayloadReading {
  readonly values: readonly RawValue[];
  /** Without values there is at least one; without either, the configuration ignores the payload. */
  readonly problems: readonly Problem[];
}

/** What all values of a payload have in common. */
export interface Circumstances {
  readonly timeUs: number | null;
  readonly quality: number;
  readonly flags: number;
}

/** Where the time or the quality stands: it is not a value besides. */
export interface Place {
  readonly parent: Json;
  readonly name: string | number;
}

/** Collects the values and problems of one payload, within bounds. */
export class Harvest {
  private readonly circumstances: Circumstances;
  private readonly taken: readonly Place[];
  private readonly values: RawValue[] = [];
  private readonly problems: Problem[] = [];
  private moreProblems = 0;

  constructor(circumstances: Circumstances, taken: readonly Place[]) {
    this.circumstances = circumstances;
    this.taken = taken;
  }

  /** Whether it holds so much that nothing more is to be added. */
  get full(): boolean {
    return this.values.length + this.problems.length + this.moreProblems > MAX_VALUES;
  }

  get empty(): boolean {
    return this.values.length + this.problems.length === 0;
  }

  /** A JSON value under a tag; of an object, where no type is declared, the members under child tags. */
  addJson(tag: string, value: Json, field: CompiledField): void {
    if (!isObject(value) || field.type !== undefined) return this.add(tag, toValue(value, field.type), field);
    this.addMembers(tag, value, field, tag.split('/').length);
  }

  private addMembers(
    tag: string,
    members: { readonly [name: string]: Json },
    field: CompiledField,
    depth: number,
  ): void {
    if (depth >= MAX_RELATIVE_SEGMENTS)
      return this.addProblem('bad-tag', `Nested deeper than a tag can be: ${tag}`, tag);
    for (const [name, value] of Object.entries(members)) {
      if (this.full) return;
      if (this.taken.some((place) => place.parent === members && place.name === name)) continue;
      if (!name.isWellFormed()) {
        this.addUnfitName(name);
        continue;
      }
      const child = `${tag}/${escapeSegment(name)}`;
      if (isObject(value)) this.addMembers(child, value, field, depth + 1);
      else this.add(child, toValue(value, undefined), field);
    }
  }

  /** A value, or why it is none, under a tag. */
  add(tag: string, typed: TypedValue | ValueProblem, { type, unit, class: tagClass }: CompiledField): void {
    if (typed.problem !== undefined) return this.addProblem(typed.problem, `${tag}: ${typed.detail}.`, tag);
    const { timeUs, quality, flags } = this.circumstances;
    const missing = typed.kind === ValueKind.null && isGood(quality);
    this.values.push({
      tag,
      kind: typed.kind,
      value: typed.value,
      declared: declaredTagType(type),
      ...(unit === undefined ? undefined : { unit }),
      ...(tagClass === undefined ? undefined : { class: tagClass }),
      timeUs,
      quality: missing ? StatusCode.BadNoData : quality,
      flags,
    });
  }

  /** A name with a lone surrogate: as UTF-8 it would read U+FFFD, as others do, and their values would be one tag. */
  addUnfitName(name: string): void {
    this.addProblem('bad-tag', `A name that is not Unicode: ${JSON.stringify(name.slice(0, 60))}.`);
  }

  addProblem(reason: QuarantineReason, detail: string, tag?: string): void {
    if (this.problems.length < MAX_PROBLEMS - 1)
      this.problems.push({ reason, detail, ...(tag === undefined ? undefined : { tag }) });
    else this.moreProblems++;
  }

  finish(): PayloadReading {
    if (this.full) return problemAlone('too-large', `More than ${MAX_VALUES} values in one payload.`);
    if (this.empty) return problemAlone('no-value', 'The payload holds no value.');
    const { values, problems, moreProblems } = this;
    if (moreProblems === 0) return { values, problems };
    const last: Problem = { reason: 'too-large', detail: `${moreProblems} more parts could not be read.` };
    return { values, problems: [...problems, last] };
  }
}

/** A payload that gave nothing but one problem. */
export function problemAlone(reason: QuarantineReason, detail: string, tag?: string): PayloadReading {
  return { values: [], problems: [{ reason, detail, ...(tag === undefined ? undefined : { tag }) }] };
}
