import { z } from 'zod';
import { Fault, messageOf } from '../core/fault.ts';
import { checkTagPath, tagPathKey } from '../core/tag-path.ts';
import { HISTORY_TOPICS } from '../core/topics.ts';

/** Tags of one order, as many as a gateway takes. */
const MAX_TAGS = 5000;
/** Of what people have written, so much is kept. */
const MAX_TEXT = 300;
const ERASED = Buffer.from('"erased"');

const text = z.string().transform((full) => full.slice(0, MAX_TEXT));

const schema = z.object({
  id: text,
  by: text,
  reason: text,
  tags: z.array(z.string()).min(1, 'no tag').max(MAX_TAGS, `more than ${MAX_TAGS} tags`),
  prefix: z.boolean(),
  fromUs: z.number(),
  toUs: z.number(),
  /** By topic of the gateway's log: records below this offset. */
  upTo: z.record(z.string(), z.int().nonnegative()),
});

/** An order to erase samples, as the gateway of a site has put it on record (FORMAT.md, "Topics", Erasure). */
export type SiteErasure = z.output<typeof schema>;

/**
 * The order that a record of a site's `events` is; undefined: it is another event. Throws `hub-erasure-refused`, with what is wrong, for one that no gateway of this site writes: what it
 * says is not carried out, not even in part.
 */
export function readErasure(value: Uint8Array, site: string): SiteErasure | undefined {
  // Most events are others: they are not even parsed.
  if (!Buffer.from(value.buffer, value.byteOffset, value.byteLength).includes(ERASED)) return undefined;
  const event = parse(value);
  if (typeof event !== 'object' || event === null || !('type' in event) || event.type !== 'erased') return undefined;
  const erasure = checkedErasure(event);
  const { fromUs, toUs, tags, prefix } = erasure;
  if (!(fromUs < toUs)) throw refused(`its span is none (${fromUs} to ${toUs} µs)`);
  const wrong = tags.find((tag) => !isOfSite(tag, site, prefix));
  if (wrong !== undefined) throw refused(`${JSON.stringify(wrong.slice(0, MAX_TEXT))} is no tag of ${site}`);
  return erasure;
}

/** An order as it was kept: the same form. Throws `hub-erasure-refused`. */
export function checkedErasure(value: unknown): SiteErasure {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  throw refused(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it makes no sense'}`);
}

/** By topic of the log that holds samples, the offset below which the order is meant; topics without such records are left out. */
export function topicsOf({ upTo }: SiteErasure): [topic: string, upTo: number][] {
  return HISTORY_TOPICS.flatMap((topic) => {
    const end = Object.hasOwn(upTo, topic) ? (upTo[topic] ?? 0) : 0;
    return end > 0 ? [[topic, end] as [string, number]] : [];
  });
}

/** Which tags an order is about: in any case, with `prefix` also those below, a path ending at a level. */
export class ErasedTags {
  private readonly keys: ReadonlySet<string>;
  private readonly prefix: boolean;

  constructor({ tags, prefix }: Pick<SiteErasure, 'tags' | 'prefix'>) {
    this.keys = new Set(tags.map((tag) => tagPathKey(prefix ? trimmed(tag) : tag)));
    this.prefix = prefix;
  }

  has(tag: string): boolean {
    const key = tagPathKey(tag);
    if (this.keys.has(key)) return true;
    if (!this.prefix) return false;
    for (let end = key.indexOf('/'); end >= 0; end = key.indexOf('/', end + 1))
      if (this.keys.has(key.slice(0, end))) return true;
    return false;
  }
}

function parse(value: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value));
  } catch (error) {
    throw refused(`it is no JSON (${messageOf(error).slice(0, MAX_TEXT)})`, error);
  }
}

/** With `prefix` the site alone is a path too. */
function isOfSite(tag: string, site: string, prefix: boolean): boolean {
  const path = prefix ? trimmed(tag) : tag;
  const top = path.slice(0, path.includes('/') ? path.indexOf('/') : undefined);
  if (tagPathKey(top) !== tagPathKey(site)) return false;
  return (prefix && path === top) || checkTagPath(path) === undefined;
}

function trimmed(path: string): string {
  return path.replace(/\/+$/, '');
}

function refused(why: string, cause?: unknown): Fault {
  return new Fault('hub-erasure-refused', why, { cause });
}
