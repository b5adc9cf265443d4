import { createHash } from 'node:crypto';
import path from 'node:path';

import { type Disk, replaceFile } from '../edge/core/disk.ts';
import { assert, errnoOf, Fault, messageOf } from '../edge/core/fault.ts';
import { misfit, modelFile } from './format.ts';
import type { Model } from './model.ts';
import { weightCount } from './runtime.ts';

const description = 'model.json';
const weightsFile = 'weights.bin';
const hashLength = 64;
/** A description is some 10 KiB. */
const mostDescription = 1 << 20;
const mostWeights = 1 << 26;
/** Names of models and versions are names of folders. */
const plainName = /^[\p{L}\p{N}_][\p{L}\p{N}_. -]{0,127}$/u;

/** A model and what identifies it: decisions name the hash. */
export interface StoredModel {
  readonly model: Model;
  /** SHA-256 over the description and the weights, hexadecimal. */
  readonly hash: string;
}

/**
 * Writes a model as a version of its own, `<models>/<name>/<version>/`. The description comes last and all at once (written beside, synced, renamed), so a version is there
 * whole or not at all.
 *
 * @param folder `data/models`
 * @returns the hash
 * @throws Fault `file-exists` when the version is there, `file-unwritable`
 */
export function writeModel(disk: Disk, folder: string, version: string, model: Model): string {
  const { weights, ...rest } = model;
  assert(plainName.test(model.spec.name) && plainName.test(version), 'model and version are plain names');
  const bytes = weightBytes(weights);
  const body = JSON.stringify({ format: 1, ...rest });
  const hash = hashOf(body, bytes);
  const target = path.join(folder, model.spec.name, version);
  if (disk.list(target).includes(description)) throw new Fault('file-exists', target);
  try {
    disk.makeFolder(target);
    replaceFile(disk, path.join(target, weightsFile), bytes);
    replaceFile(disk, path.join(target, description), `{"hash":"${hash}","model":${body}}\n`);
  } catch (error) {
    throw new Fault('file-unwritable', target, { cause: error });
  }
  return hash;
}

/**
 * Reads a version and checks everything: hash, bounds, shapes, that all weights are finite.
 *
 * @throws Fault `model-missing`, `model-damaged`, `data-unreadable`
 */
export function readModel(disk: Disk, folder: string, name: string, version: string): StoredModel {
  const source = path.join(folder, name, version);
  if (!plainName.test(name) || !plainName.test(version)) throw new Fault('model-missing', source);
  const text = read(disk, path.join(source, description), mostDescription);
  if (text === undefined) throw new Fault('model-missing', source);
  const bytes = read(disk, path.join(source, weightsFile), mostWeights);
  if (bytes === undefined) throw damaged(source, `${weightsFile} is missing`);
  const stored = parseModel(source, text, bytes);
  if (stored.model.spec.name !== name) throw damaged(source, `it is a version of ${stored.model.spec.name}`);
  return stored;
}

/** Versions of a model, sorted by name; those that were not written to the end are not among them. */
export function listVersions(disk: Disk, folder: string, name: string): string[] {
  if (!plainName.test(name)) return [];
  const versions = path.join(folder, name);
  return disk.list(versions).filter((version) => disk.list(path.join(versions, version)).includes(description));
}

/** @param source for messages */
export function parseModel(source: string, text: Uint8Array, bytes: Uint8Array): StoredModel {
  const { body, hash, value } = parseDescription(source, text);
  if (hashOf(body, bytes) !== hash) throw damaged(source, 'the hash does not match');
  const parsed = modelFile.safeParse(value);
  if (!parsed.success) throw damaged(source, `${description}: ${parsed.error.issues[0]?.message ?? 'not valid'}`);
  const { format: _, ...rest } = parsed.data;
  const wrong = misfit(parsed.data);
  if (wrong !== undefined) throw damaged(source, wrong);
  const wanted = weightCount(rest.layers);
  if (bytes.length !== 4 * wanted) throw damaged(source, `${weightsFile} has ${bytes.length} bytes, not ${4 * wanted}`);
  const weights = weightsOf(bytes);
  if (!weights.every(Number.isFinite)) throw damaged(source, 'a weight is not a number');
  return { model: { ...rest, weights }, hash };
}

/** The hash covers the description as it stands in the file, byte by byte, so it is cut out rather than written again. */
function parseDescription(source: string, bytes: Uint8Array): { body: string; hash: string; value: unknown } {
  const text = new TextDecoder().decode(bytes);
  const head = '{"hash":"';
  const middle = '","model":';
  const bodyAt = head.length + hashLength + middle.length;
  if (!text.startsWith(head) || text.slice(head.length + hashLength, bodyAt) !== middle || !text.endsWith('}\n'))
    throw damaged(source, `${description} does not begin or end as it should`);
  const body = text.slice(bodyAt, -2);
  try {
    return { body, hash: text.slice(head.length, head.length + hashLength), value: JSON.parse(body) };
  } catch (error) {
    throw damaged(source, `${description}: ${messageOf(error)}`);
  }
}

function damaged(source: string, what: string): Fault {
  return new Fault('model-damaged', `${source}: ${what}`);
}

function hashOf(body: string, weights: Uint8Array): string {
  return createHash('sha256').update(body).update('\n').update(weights).digest('hex');
}

function read(disk: Disk, file: string, most: number): Uint8Array | undefined {
  try {
    const fd = disk.open(file, 'r');
    try {
      const size = disk.size(fd);
      if (size > most) throw damaged(file, `${size} bytes are too many`);
      const bytes = new Uint8Array(size);
      return bytes.subarray(0, disk.read(fd, bytes, 0));
    } finally {
      disk.close(fd);
    }
  } catch (error) {
    if (error instanceof Fault) throw error;
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw new Fault('data-unreadable', file, { cause: error });
  }
}

/** Float32, little-endian. */
function weightBytes(weights: Float32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * weights.length));
  for (const [nr, weight] of weights.entries()) view.setFloat32(4 * nr, weight, true);
  return new Uint8Array(view.buffer);
}

function weightsOf(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Float32Array.from({ length: bytes.length / 4 }, (_, nr) => view.getFloat32(4 * nr, true));
}
