import { deserialize, serialize } from 'node:v8';
import { Fault, messageOf } from '../core/fault.ts';
import { type TagType, type Value, ValueKind } from '../core/sample.ts';
import { TAG_CLASSES, type TagClass } from '../core/topics.ts';

/** Where the running gateway takes imports: on its socket alone, which only its own user can open. */
export const IMPORT_PATH = '/import';
/** Samples of a chunk at most. */
export const CHUNK_SAMPLES = 20_000;
/** A chunk is given away when its texts are longer than this. */
export const CHUNK_TEXT = 4 * 1024 * 1024;
/** Bytes of a chunk at most. */
export const MAX_CHUNK_BYTES = 32 * 1024 * 1024;

/** A tag of a chunk. */
export interface ChunkTag {
  /** Path below the site. */
  readonly tag: string;
  /** Null: all its values are null. */
  readonly type: TagType | null;
  readonly unit?: string | undefined;
  readonly class?: TagClass | undefined;
  /** Where it comes from, as the dictionary of tags keeps it. */
  readonly source: string;
}

/** Samples of an import as the command hands them to the gateway: columns, in the order of the files. */
export interface ImportChunk {
  readonly v: 1;
  readonly tags: readonly ChunkTag[];
  /** Which tag, by its place in `tags`. */
  readonly tag: Uint32Array;
  readonly timeUs: Float64Array;
  readonly kinds: Uint8Array;
  readonly quality: Uint32Array;
  readonly values: readonly Value[];
}

/** What became of a chunk: everything that counts as logged is durable. */
export interface ImportAnswer {
  readonly logged: number;
  /** Samples that were there already, or came twice. */
  readonly duplicate: number;
  /** Rows of the chunk that the gateway does not take. */
  readonly refused: readonly { readonly row: number; readonly reason: string; readonly detail: string }[];
}

/** A chunk as bytes; both ends are of the same version of Node.js, or the reader says so. */
export function encodeChunk(chunk: ImportChunk): Uint8Array {
  return serialize(chunk);
}

/** Reads a chunk. Throws `request-invalid` for what is none. */
export function decodeChunk(bytes: Uint8Array): ImportChunk {
  let value: unknown;
  try {
    value = deserialize(bytes);
  } catch (error) {
    throw new Fault('request-invalid', `It is no chunk of an import: ${messageOf(error)}`, { cause: error });
  }
  if (isChunk(value)) return value;
  throw new Fault('request-invalid', 'It is no chunk of an import that this version of the gateway knows.');
}

function isChunk(value: unknown): value is ImportChunk {
  const { v, tags, tag, timeUs, kinds, quality, values } = (value ?? {}) as Partial<Record<keyof ImportChunk, unknown>>;
  if (v !== 1 || !Array.isArray(tags) || !Array.isArray(values)) return false;
  if (
    !(
      tag instanceof Uint32Array &&
      timeUs instanceof Float64Array &&
      kinds instanceof Uint8Array &&
      quality instanceof Uint32Array
    )
  )
    return false;
  const count = values.length;
  if ([tag.length, timeUs.length, kinds.length, quality.length].some((length) => length !== count)) return false;
  if (!tags.every(isTag) || tag.some((place) => place >= tags.length)) return false;
  if (!timeUs.every(Number.isSafeInteger)) return false;
  return values.every((each, i) => fits(kinds[i] as ValueKind, each));
}

function isTag(value: unknown): value is ChunkTag {
  const { tag, type, unit, class: tagClass, source } = (value ?? {}) as Partial<Record<keyof ChunkTag, unknown>>;
  const isType = type === null || (typeof type === 'string' && type !== 'null' && type in ValueKind);
  const isClass = tagClass === undefined || (TAG_CLASSES as readonly unknown[]).includes(tagClass);
  return (
    typeof tag === 'string' &&
    typeof source === 'string' &&
    isType &&
    isClass &&
    (unit === undefined || typeof unit === 'string')
  );
}

function fits(kind: ValueKind, value: unknown): boolean {
  switch (kind) {
    case ValueKind.null:
      return value === null;
    case ValueKind.boolean:
      return typeof value === 'boolean';
    case ValueKind.long:
      return Number.isSafeInteger(value) || typeof value === 'bigint';
    case ValueKind.float:
    case ValueKind.double:
      return Number.isFinite(value);
    case ValueKind.string:
      return typeof value === 'string';
    case ValueKind.bytes:
      return value instanceof Uint8Array;
    case ValueKind.uint64:
      return typeof value === 'bigint';
    case ValueKind.array:
      // Arrays have no place in a table of values.
      return false;
  }
  return false;
}
