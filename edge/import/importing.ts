import path from 'node:path';
import { type DeclaredType, DECLARED_TYPES } from '../../connectors/payload/mapping-config.ts';
import { realDisk } from '../core/disk.ts';
import { TagDictionary } from '../tags/dictionary.ts';
import { encodeChunk, type ImportAnswer } from './chunk.ts';
import type { ImportMap } from './map-schema.ts';
import { type GatewayTag, NameMap } from './names.ts';
import { ImportPlan } from './plan.ts';
import type { ImportPosition, ImportProgress } from './position.ts';
import { type RefusalFile, refusalLine } from './refusals.ts';
import { RowReader } from './rows.ts';
import { ChunkFiller, type FilledChunk, refusalsOf } from './sending.ts';
import { SourceFile } from './source.ts';

const SAVE_EVERY_MS = 1000;

/** What is imported, and how. */
export interface ImportJob {
  readonly files: readonly string[];
  readonly map: ImportMap;
  readonly site: string;
  readonly timezone: string | undefined;
  readonly tag: string | undefined;
  /** Tags of the gateway, by their paths in small letters. */
  readonly known: ReadonlyMap<string, GatewayTag>;
  /** Later times are refused, µs. */
  readonly latestUs: number;
}

/** Told how far it is: bytes of all files, and rows of the file that is read. */
export type OnProgress = (bytes: number, rows: number) => void;

/** Tags of a data folder, whether its gateway runs or not. */
export function tagsOf(dataFolder: string): Map<string, GatewayTag> {
  const dictionary = new TagDictionary(realDisk, path.join(dataFolder, 'tags'));
  dictionary.openReadOnly();
  return new Map(dictionary.all().map(({ path: tag, type }) => [tag.toLowerCase(), { path: tag, type }]));
}

/** Opens the files. Throws `import-unreadable`. */
export function openSources({ files, map }: Pick<ImportJob, 'files' | 'map'>): Promise<SourceFile[]> {
  return Promise.all(files.map((file) => SourceFile.open(file, map.encoding)));
}

/** Reads the files without writing anything: what would come of them. Throws `import-unreadable`. */
export async function planImport(
  job: ImportJob,
  sources: readonly SourceFile[],
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<ImportPlan> {
  const plan = new ImportPlan();
  const names = new NameMap(job.site, job.map, job.known);
  const reader = new RowReader({ ...job, names });
  let before = 0;
  let rowsBefore = 0;
  for (const source of sources) {
    plan.file = source.file;
    for await (const rows of reader.read(source, plan)) {
      plan.rows = rowsBefore + rows;
      onProgress(before + source.position, plan.rows);
      if (signal.aborted) return plan;
    }
    rowsBefore = plan.rows;
    before += source.bytes;
  }
  plan.learnTypes();
  return plan;
}

/** Types that were learned, by name: an import that goes on need not learn them again. */
export function learnedTypes(plan: ImportPlan): Record<string, string> {
  const entries = [...plan.tags.values()].flatMap(({ name }) =>
    name.declared === undefined ? [] : [[name.name, name.declared]],
  );
  return Object.fromEntries(entries) as Record<string, string>;
}

/** How an import is carried out. */
export interface Carrying {
  readonly send: (chunk: Uint8Array) => Promise<ImportAnswer>;
  readonly position: ImportPosition;
  /** Where it begins. */
  readonly start: ImportProgress;
  readonly refusals: RefusalFile;
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal;
}

/** What was done. */
export interface Imported {
  readonly logged: number;
  readonly duplicate: number;
  readonly refused: number;
  /** False: the signal ended it. */
  readonly whole: boolean;
}

/** Reads the files and gives their samples to the gateway. Throws what reading them and the gateway throw; what was done until then is done. */
export async function carryOut(job: ImportJob, sources: readonly SourceFile[], carrying: Carrying): Promise<Imported> {
  return await new Carrier(job, carrying).run(sources);
}

class Carrier {
  private readonly carrying: Carrying;
  private readonly filler: ChunkFiller;
  private readonly reader: RowReader;
  private logged: number;
  private duplicate: number;
  private savedMs = performance.now();
  /** The chunk that the gateway has. */
  private underWay: Promise<void> = Promise.resolve();

  constructor(job: ImportJob, carrying: Carrying) {
    const { start, refusals } = carrying;
    this.carrying = carrying;
    this.filler = new ChunkFiller(path.basename(job.files[0] ?? 'import').slice(0, 200), (refusal) =>
      refusals.add(refusal),
    );
    this.filler.refusedCount = start.refused;
    const types = new Map(
      Object.entries(start.types).filter((entry): entry is [string, DeclaredType] => isType(entry[1])),
    );
    this.reader = new RowReader({ ...job, names: new NameMap(job.site, job.map, job.known, types) });
    this.logged = start.logged;
    this.duplicate = start.duplicate;
  }

  async run(sources: readonly SourceFile[]): Promise<Imported> {
    const { onProgress, signal, start, position } = this.carrying;
    let before = 0;
    for (const [file, source] of sources.entries()) {
      const done = file < start.file ? Number.POSITIVE_INFINITY : file === start.file ? start.rows : 0;
      // Also what is done is read: what it says decides how the rest is read.
      this.filler.file = source.file;
      let rows = 0;
      for await (rows of this.reader.read(source, this.filler, done)) {
        onProgress(before + source.position, rows);
        if (signal.aborted) break;
        if (this.filler.full) await this.flush(file, rows);
      }
      // Where it was told to end, it says exactly where.
      await this.flush(file, rows, signal.aborted);
      await this.underWay;
      if (signal.aborted) return this.result(false);
      before += source.bytes;
    }
    position.remove();
    return this.result(true);
  }

  private result(whole: boolean): Imported {
    return { logged: this.logged, duplicate: this.duplicate, refused: this.filler.refusedCount, whole };
  }

  /** Gives away what was gathered up to these rows: the next chunk is read while the gateway takes this one in. `isLast`: it is noted how far it is, however little time has passed. */
  private async flush(file: number, rows: number, isLast = false): Promise<void> {
    await this.underWay;
    const { filler } = this;
    const filled = filler.take();
    const refused = filler.refusedCount;
    const lines = this.carrying.refusals.take();
    const settle = async (): Promise<void> => {
      const ofGateway = await this.settle(filled, lines);
      if (isLast || performance.now() - this.savedMs >= SAVE_EVERY_MS) this.save(file, rows, refused + ofGateway);
    };
    this.underWay = settle();
    // Who waits for it next is told.
    this.underWay.catch(() => undefined);
  }

  /** Has a chunk taken in, then notes what was refused up to there. Returns how much of it the gateway has refused. */
  private async settle(filled: FilledChunk, lines: string): Promise<number> {
    const { send, refusals } = this.carrying;
    const isEmpty = filled.chunk.values.length === 0;
    const answer = isEmpty ? NOTHING : await send(encodeChunk(filled.chunk));
    this.logged += answer.logged;
    this.duplicate += answer.duplicate;
    const ofGateway = refusalsOf(filled, answer.refused);
    this.filler.refusedCount += ofGateway.length;
    refusals.write(lines + ofGateway.map(refusalLine).join(''));
    return ofGateway.length;
  }

  private save(file: number, rows: number, refused: number): void {
    const { position, start, refusals } = this.carrying;
    this.savedMs = performance.now();
    const { logged, duplicate } = this;
    position.save({ file, rows, logged, duplicate, refused, reportBytes: refusals.bytes, types: start.types });
  }
}

const NOTHING: ImportAnswer = { logged: 0, duplicate: 0, refused: [] };

function isType(type: string): type is DeclaredType {
  return (DECLARED_TYPES as readonly string[]).includes(type);
}
