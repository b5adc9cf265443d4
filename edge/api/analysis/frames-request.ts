import type { z } from 'zod';
import { type Condition, conditionSchema } from '../../../historian/analysis/condition.ts';
import type { EventFrame } from '../../../historian/analysis/event-frames.ts';
import { DURATION, parseDuration } from '../../config/quantities.ts';
import { Fault } from '../../core/fault.ts';
import { z as schema } from 'zod';
import type { HistoryGap, HistoryQuery } from '../history-services.ts';

/** What was given for a search, as text. */
export interface FramesTexts {
  readonly above?: string | undefined;
  readonly below?: string | undefined;
  readonly outside?: string | undefined;
  readonly inside?: string | undefined;
  readonly equals?: string | undefined;
  readonly quality?: string | undefined;
  readonly for?: string | undefined;
  readonly deadband?: string | undefined;
  readonly bridge?: string | undefined;
  readonly stale?: string | undefined;
  readonly treatUncertainAsBad?: string | undefined;
}

/** A search for stretches of time. */
export interface FramesRequest {
  readonly condition: Condition;
  readonly uncertainIsBad: boolean;
}

export interface FramesQuery extends HistoryQuery, FramesRequest {}

/** Some of what was found of one tag. */
export interface FoundFrames {
  readonly tag: string;
  readonly frames: readonly EventFrame[];
  readonly gaps: readonly HistoryGap[];
}

const CONDITIONS = ['above', 'below', 'outside', 'inside', 'equals', 'quality'] as const;

function duration(expected: string): z.ZodType<number, string> {
  return schema
    .string(expected)
    .regex(DURATION, expected)
    .transform((text, context): number => {
      const ms = parseDuration(text);
      if (ms !== undefined) return ms;
      context.addIssue({ code: 'custom', message: expected, input: text });
      return schema.NEVER;
    });
}

const conditions = conditionSchema({ duration });

/** The search that was asked for. Throws `code`, with the parameter that is wrong and what was expected. */
export function parseFrames(texts: FramesTexts, code: 'request-invalid' | 'usage' = 'request-invalid'): FramesRequest {
  const refuse = (what: string): never => {
    throw new Fault(code, what);
  };
  const given = CONDITIONS.filter((name) => texts[name] !== undefined);
  const [name] = given;
  if (name === undefined || given.length > 1)
    return refuse(`${given.join(', ') || 'above'}: expected one of ${CONDITIONS.join(', ')}, such as above=80.`);
  const { for: longer, deadband, bridge, stale, treatUncertainAsBad = 'true' } = texts;
  if (treatUncertainAsBad !== 'true' && treatUncertainAsBad !== 'false')
    return refuse('treatUncertainAsBad: expected true or false.');
  const wanted = {
    ...whatOf(name, texts[name] ?? ''),
    ...(longer === undefined ? {} : { for: longer }),
    ...(deadband === undefined ? {} : { deadband: numberOf(deadband) }),
    ...(bridge === undefined ? {} : { bridge }),
    ...(stale === undefined ? {} : { stale }),
  };
  const parsed = conditions.safeParse(wanted);
  if (parsed.success) return { condition: parsed.data, uncertainIsBad: treatUncertainAsBad === 'true' };
  return refuse(parsed.error.issues.map((issue) => sayIssue(issue, name)).join(' '));
}

/** The condition as it stands in a configuration. */
function whatOf(name: (typeof CONDITIONS)[number], text: string): Readonly<Record<string, unknown>> {
  switch (name) {
    case 'above':
    case 'below':
      return { when: name, limit: numberOf(text) };
    case 'outside':
    case 'inside': {
      const [low = '', high = '', ...more] = text.split(',');
      return { when: name, low: numberOf(low), high: more.length > 0 ? text : numberOf(high) };
    }
    case 'equals':
      return { when: name, state: text === 'true' || text === 'false' ? text === 'true' : numberOf(text) };
    case 'quality':
      return { when: text === 'bad' || text === 'not-good' ? text : 'quality' };
  }
}

/** A number, or the text if it is none: then it is refused. */
function numberOf(text: string): number | string {
  return /^[+-]?\d{1,30}(\.\d{1,30})?(e[+-]?\d{1,3})?$/i.test(text.trim()) ? Number(text) : text;
}

const parameters: Readonly<Record<string, string>> = { limit: '', low: '', high: '', state: '', when: '' };

function sayIssue(issue: z.core.$ZodIssue, name: string): string {
  if (issue.code === 'unrecognized_keys') return `${issue.keys.join(', ')}: not together with ${name}.`;
  if (name === 'quality' && issue.path[0] === 'when') return 'quality: expected bad or not-good.';
  const [member = name] = issue.path.map(String);
  const isRange = member === 'low' || member === 'high';
  const expected = isRange
    ? `two numbers with a comma between, the smaller one first (${member}: ${issue.message})`
    : issue.message;
  return `${parameters[member] === undefined ? member : name}: expected ${expected}.`;
}
