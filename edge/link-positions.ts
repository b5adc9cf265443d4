import { z } from 'zod';
import { type Disk, readFile, replaceFile } from './core/disk.ts';

/** A link and where it goes: another destination knows nothing of what this one has. */
export interface LinkIdentity {
  readonly name: string;
  readonly prefix: string;
  readonly to: { readonly brokers: readonly { readonly host: string; readonly port: number }[] };
}

const schema = z.object({
  v: z.literal(1),
  links: z.record(z.string(), z.object({ to: z.string(), topics: z.record(z.string(), z.int().nonnegative()) })),
});

type Links = Record<string, { to: string; topics: Record<string, number> }>;

/**
 * How far links had mirrored their topics when that was last known, over restarts: while a destination is not reached, the log holds for it what it lacks, and no more. A hint: nobody
 * writes to a destination by it, and without it a link holds all that the log has.
 */
export class LinkPositions {
  private readonly disk: Disk;
  private readonly file: string;
  private links: Links = {};
  private changed = false;

  constructor(disk: Disk, file: string) {
    this.disk = disk;
    this.file = file;
  }

  /** Reads the file, where there is one. Returns whether what stands in it can be used. */
  open(): boolean {
    const bytes = readFile(this.disk, this.file);
    if (bytes === undefined) return true;
    const parsed = schema.safeParse(parseJson(new TextDecoder().decode(bytes)));
    if (parsed.success) ({ links: this.links } = parsed.data);
    return parsed.success;
  }

  /** The position of a topic, or null: it is not known. */
  of(link: LinkIdentity, topic: string): number | null {
    const known = this.links[link.name];
    return known?.to === destinationOf(link) ? (known.topics[topic] ?? null) : null;
  }

  /** Notes a position. */
  note(link: LinkIdentity, topic: string, offset: number): void {
    const to = destinationOf(link);
    let known = this.links[link.name];
    if (known?.to !== to) known = this.links[link.name] = { to, topics: {} };
    if (known.topics[topic] === offset) return;
    known.topics[topic] = offset;
    this.changed = true;
  }

  /** Writes down what has changed; to be called now and then, and at a stop. */
  save(): void {
    if (!this.changed) return;
    replaceFile(this.disk, this.file, `${JSON.stringify({ v: 1, links: this.links })}\n`);
    this.changed = false;
  }
}

function destinationOf({ prefix, to }: LinkIdentity): string {
  return `${to.brokers.map(({ host, port }) => `${host}:${port}`).join(',')} ${prefix}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
