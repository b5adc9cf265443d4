import path from 'node:path';
import { crc32c } from '@node-rs/crc32';
import { z } from 'zod';
import { type Disk, readFile } from '../core/disk.ts';
import { Fault, messageOf } from '../core/fault.ts';
import type { TagType } from '../core/sample.ts';
import { tagPathKey } from '../core/tag-path.ts';

/** A tag as the dictionary knows it. */
export interface TagEntry {
  readonly id: number;
  readonly path: string;
  /** Null: not learned yet. */
  type: TagType | null;
  readonly connector: string;
  /** Device that the tag came from first. */
  readonly source: string;
  readonly createdUs: number;
}

const typeSchema = z.enum(['boolean', 'long', 'float', 'double', 'string', 'bytes', 'uint64', 'array']);
const bodySchema = z.discriminatedUnion('op', [
  z.object({
    op: z.literal('add'),
    id: z.int().positive(),
    path: z.string(),
    type: typeSchema.nullable(),
    connector: z.string(),
    source: z.string(),
    at: z.number(),
  }),
  z.object({ op: z.literal('type'), id: z.int().positive(), type: typeSchema, at: z.number() }),
]);
type Body = z.infer<typeof bodySchema>;

/** A tag to be added. */
export type NewTag = Omit<TagEntry, 'id'>;

/** The append-only dictionary of tags (FORMAT.md). What `add` and `learn` return is on the disk. */
export class TagDictionary {
  private readonly disk: Disk;
  private readonly file: string;
  private fd = -1;
  private position = 0;
  private readonly entries: TagEntry[] = [];
  private readonly byKey = new Map<string, TagEntry>();

  /** `folder`: `data/tags`. */
  constructor(disk: Disk, folder: string) {
    this.disk = disk;
    this.file = path.join(folder, 'dictionary');
  }

  /** Reads the file, or makes it. A torn addition at the very end is cut off; any other damage throws `tag-dictionary-damaged`. */
  open(): void {
    this.disk.makeFolder(path.dirname(this.file));
    const bytes = readFile(this.disk, this.file);
    if (bytes === undefined) {
      this.fd = this.disk.open(this.file, 'w');
      this.disk.sync(this.fd);
      this.disk.syncFolder(path.dirname(this.file));
      return;
    }
    this.position = this.replay(bytes);
    this.fd = this.disk.open(this.file, 'r+');
    if (this.position < bytes.length) {
      this.disk.truncate(this.fd, this.position);
      this.disk.sync(this.fd);
    }
  }

  /** Only reads: for tools beside a stopped gateway. */
  openReadOnly(): void {
    const bytes = readFile(this.disk, this.file);
    if (bytes !== undefined) this.replay(bytes);
  }

  close(): void {
    if (this.fd >= 0) this.disk.close(this.fd);
    this.fd = -1;
  }

  get size(): number {
    return this.entries.length;
  }

  /** All tags, by id. */
  all(): readonly TagEntry[] {
    return this.entries;
  }

  /** The tag of this path or of one that differs only in case. */
  find(tagPath: string): TagEntry | undefined {
    return this.byKey.get(tagPathKey(tagPath));
  }

  byId(id: number): TagEntry | undefined {
    return this.entries[id - 1];
  }

  /** Adds tags and teaches types, synced once for all. The caller has made sure that the paths are new and the types unknown. */
  append(
    tags: readonly NewTag[],
    types: readonly { readonly id: number; readonly type: TagType; readonly atUs: number }[],
  ): TagEntry[] {
    const bodies: Body[] = [];
    let id = this.entries.length;
    for (const tag of tags) {
      id++;
      const { type, connector, source, createdUs } = tag;
      bodies.push({ op: 'add', id, path: tag.path, type, connector, source, at: createdUs });
    }
    for (const { id: known, type, atUs } of types) bodies.push({ op: 'type', id: known, type, at: atUs });
    if (bodies.length === 0) return [];
    const frames = bodies.map(frame);
    this.disk.write(this.fd, frames, this.position);
    this.disk.sync(this.fd);
    this.position += frames.reduce((sum, { length }) => sum + length, 0);
    for (const body of bodies) this.apply(body);
    return this.entries.slice(this.entries.length - tags.length);
  }

  /** Applies all whole frames; returns the position behind them. */
  private replay(bytes: Uint8Array): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (at < bytes.length) {
      if (at + 8 > bytes.length) return at;
      const end = at + 8 + view.getUint32(at);
      // An addition that was never finished: nobody was told of it. Its length may be there without its body.
      if (end > bytes.length) {
        if (end - at > 1_000_000) this.damaged(at, 'a frame longer than any');
        return at;
      }
      const body = bytes.subarray(at + 8, end);
      if (crc32c(body) !== view.getUint32(at + 4)) {
        if (end === bytes.length) return at;
        this.damaged(at, 'the checksum is wrong');
      }
      this.apply(this.parse(body, at));
      at = end;
    }
    return at;
  }

  private parse(body: Uint8Array, at: number): Body {
    try {
      return bodySchema.parse(JSON.parse(new TextDecoder().decode(body)));
    } catch (error) {
      return this.damaged(at, messageOf(error));
    }
  }

  private apply(body: Body): void {
    if (body.op === 'type') {
      const entry = this.byId(body.id);
      if (entry === undefined) this.damaged(this.position, `a type for the unknown id ${body.id}`);
      entry.type = body.type;
      return;
    }
    if (body.id !== this.entries.length + 1) this.damaged(this.position, `id ${body.id} is not the next`);
    const { id, type, connector, source } = body;
    const entry: TagEntry = { id, path: body.path, type, connector, source, createdUs: body.at };
    this.entries.push(entry);
    this.byKey.set(tagPathKey(body.path), entry);
  }

  private damaged(at: number, what: string): never {
    throw new Fault('tag-dictionary-damaged', `${this.file} at byte ${at}: ${what}.`);
  }
}

function frame(body: Body): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  const framed = new Uint8Array(8 + bytes.length);
  const view = new DataView(framed.buffer);
  view.setUint32(0, bytes.length);
  view.setUint32(4, crc32c(bytes));
  framed.set(bytes, 8);
  return framed;
}
