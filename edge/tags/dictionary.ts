import path from 'node:path';
import { crc32c } from '@node-rs/crc32';
import { z } from 'zod';
import { type Disk, readFile } from '../core/disk.ts';
import { assert, Fault, messageOf } from '../core/fault.ts';
import type { TagType } from '../core/sample.ts';
import { tagPathKey } from '../core/tag-path.ts';
import { TAG_CLASSES, type TagClass } from '../core/topics.ts';

/** A tag as the dictionary knows it. */
export interface TagEntry {
  readonly id: number;
  readonly path: string;
  /** Null: not learned yet. */
  type: TagType | null;
  /** After UCUM; null: none is known. */
  unit: string | null;
  /** Says in which topic its samples lie, for ever. */
  readonly class: TagClass;
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
    unit: z.string().optional(),
    class: z.enum(TAG_CLASSES).optional(),
    connector: z.string(),
    source: z.string(),
    at: z.number(),
  }),
  z.object({ op: z.literal('type'), id: z.int().positive(), type: typeSchema, at: z.number() }),
  z.object({ op: z.literal('unit'), id: z.int().positive(), unit: z.string(), at: z.number() }),
]);
type Body = z.infer<typeof bodySchema>;

/** A tag to be added. */
export type NewTag = Omit<TagEntry, 'id'>;

/** What is learned of a tag that is there: its type (once), or its unit. */
export interface TagChange {
  readonly id: number;
  readonly type?: TagType;
  readonly unit?: string;
  readonly atUs: number;
}

/** A source's name takes at most 65,535 bytes, in JSON at most six times as many. */
const MAX_FRAME_BYTES = 1_000_000;
/** So much of the end is written again when the file is opened; an addition of 10,000 tags takes less. */
const REWRITTEN_BYTES = 4 * 1024 * 1024;

/** The append-only dictionary of tags (FORMAT.md). What `append` returns is on the disk. */
export class TagDictionary {
  private readonly disk: Disk;
  private readonly file: string;
  private fd = -1;
  private position = 0;
  /** Set once: what a failed sync left on the disk is not known, so nothing is added any more. */
  private failed: Fault | undefined;
  private readonly entries: TagEntry[] = [];
  private readonly changed: number[] = [];
  private readonly byKey = new Map<string, TagEntry>();

  /** `folder`: `data/tags`. */
  constructor(disk: Disk, folder: string) {
    this.disk = disk;
    this.file = path.join(folder, 'dictionary');
  }

  /** Reads the file, or makes it. A torn addition at the very end is cut off; any other damage throws `tag-dictionary-damaged`. */
  open(): void {
    const folder = path.dirname(this.file);
    this.disk.makeFolder(folder);
    const bytes = readFile(this.disk, this.file);
    if (bytes !== undefined) this.position = this.replay(bytes);
    this.fd = this.disk.open(this.file, bytes === undefined ? 'w' : 'r+');
    if (bytes !== undefined) {
      // After a kill the tail may stand in the page cache alone: nobody may be told of an id that is not on the disk.
      const from = Math.max(0, this.position - REWRITTEN_BYTES);
      this.disk.write(this.fd, [bytes.subarray(from, this.position)], from);
      if (this.position < bytes.length) this.disk.truncate(this.fd, this.position);
    }
    this.disk.sync(this.fd);
    this.disk.syncFolder(folder);
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

  /** Id of each change, additions and types, in the order in which they were made. */
  changes(): readonly number[] {
    return this.changed;
  }

  /**
   * Adds tags and what was learned of others, synced once for all. The caller has made sure that the paths are new and the types unknown. Throws `file-unwritable`: then nothing was added,
   * and after a failed sync nothing is added any more.
   */
  append(tags: readonly NewTag[], changes: readonly TagChange[]): TagEntry[] {
    const bodies: Body[] = [];
    let id = this.entries.length;
    for (const tag of tags) {
      id++;
      const { type, connector, source, createdUs } = tag;
      const unit = tag.unit === null ? {} : { unit: tag.unit };
      const ofClass = tag.class === 'standard' ? {} : { class: tag.class };
      bodies.push({ op: 'add', id, path: tag.path, type, ...unit, ...ofClass, connector, source, at: createdUs });
    }
    for (const { id: known, type, unit, atUs } of changes) {
      if (type !== undefined) bodies.push({ op: 'type', id: known, type, at: atUs });
      if (unit !== undefined) bodies.push({ op: 'unit', id: known, unit, at: atUs });
    }
    if (bodies.length === 0) return [];
    const frames = bodies.map(frame);
    this.write(frames);
    for (const body of bodies) this.apply(body, this.position);
    this.position += frames.reduce((sum, { length }) => sum + length, 0);
    return this.entries.slice(this.entries.length - tags.length);
  }

  private write(frames: readonly Uint8Array[]): void {
    if (this.failed !== undefined) throw this.failed;
    let written = false;
    try {
      this.disk.write(this.fd, frames, this.position);
      written = true;
      this.disk.sync(this.fd);
    } catch (error) {
      const fault = new Fault('file-unwritable', `${this.file}: ${messageOf(error)}`, { cause: error });
      if (written || !this.takeBack()) this.failed = fault;
      throw fault;
    }
  }

  /** Cuts off what a failed write (a full disk) has left behind; false: that failed too. */
  private takeBack(): boolean {
    try {
      this.disk.truncate(this.fd, this.position);
      return true;
    } catch {
      return false;
    }
  }

  /** Applies all whole frames; returns the position behind them. */
  private replay(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length) {
      const body = frameAt(bytes, at);
      if (body === undefined) {
        // With nothing whole behind it, it is an addition that was never finished: nobody was told of it.
        for (let later = at + 1; later < bytes.length; later++)
          if (frameAt(bytes, later) !== undefined) this.damaged(at, 'the length or the checksum is wrong');
        return at;
      }
      this.apply(this.parse(body, at), at);
      at += 8 + body.length;
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

  private apply(body: Body, at: number): void {
    if (body.op !== 'add') {
      const entry = this.byId(body.id);
      if (entry === undefined) this.damaged(at, `a ${body.op} for the unknown id ${body.id}`);
      if (body.op === 'type') entry.type = body.type;
      else entry.unit = body.unit;
    } else {
      const { id, type, unit = null, class: tagClass = 'standard', connector, source, at: createdUs } = body;
      if (id !== this.entries.length + 1) this.damaged(at, `id ${id} is not the next`);
      const key = tagPathKey(body.path);
      if (this.byKey.has(key)) this.damaged(at, `${body.path} stands there twice`);
      const entry: TagEntry = { id, path: body.path, type, unit, class: tagClass, connector, source, createdUs };
      this.entries.push(entry);
      this.byKey.set(key, entry);
    }
    this.changed.push(body.id);
  }

  private damaged(at: number, what: string): never {
    throw new Fault('tag-dictionary-damaged', `${this.file} at byte ${at}: ${what}.`);
  }
}

/** Body of the whole frame at a place, or undefined if none is there. */
function frameAt(bytes: Uint8Array, at: number): Uint8Array | undefined {
  if (at + 8 > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(at);
  if (length === 0 || length > MAX_FRAME_BYTES || at + 8 + length > bytes.length) return undefined;
  const body = bytes.subarray(at + 8, at + 8 + length);
  return crc32c(body) === view.getUint32(at + 4) ? body : undefined;
}

function frame(body: Body): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  assert(bytes.length <= MAX_FRAME_BYTES, 'a frame of the dictionary is bounded');
  const framed = new Uint8Array(8 + bytes.length);
  const view = new DataView(framed.buffer);
  view.setUint32(0, bytes.length);
  view.setUint32(4, crc32c(bytes));
  framed.set(bytes, 8);
  return framed;
}
