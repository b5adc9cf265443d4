/** One text of a source file, and what is put in its place. */
export interface Edit {
  readonly file: string;
  readonly before: string;
  readonly after: string;
}

/** A mistake that somebody could make. */
export interface Mutant {
  readonly name: string;
  readonly edits: readonly Edit[];
}

function edit(file: string, before: string, after: string): Edit {
  return { file, before, after };
}

/** Mistakes in `edge/core`, each of which the search must find. The texts must be in the files exactly once: who changes the code there changes them too. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'the names of a new segment are not synced',
    edits: [
      edit(
        'topic-log.ts',
        '    this.disk.syncFolder(this.folder);\n    this.markSynced();\n',
        '    this.markSynced();\n',
      ),
    ],
  },
  {
    name: 'ends are published before the sync',
    edits: [
      edit(
        'topic-log.ts',
        '  get end(): number {\n    return this.synced;',
        '  get end(): number {\n    return this.written;',
      ),
      edit(
        'log-writer.ts',
        '      for (const log of synced) log.sync();\n',
        '      for (const log of synced) this.options.ends.publish(log.topic, log.end);\n      for (const log of synced) log.sync();\n',
      ),
    ],
  },
  {
    name: 'a failed sync is tried again',
    edits: [
      edit(
        'topic-log.ts',
        '    this.disk.sync(this.fd);\n    this.synced = this.written;\n',
        '    try {\n      this.disk.sync(this.fd);\n    } catch {\n      this.disk.sync(this.fd);\n    }\n    this.synced = this.written;\n',
      ),
    ],
  },
  {
    name: 'the writer goes on after a failure',
    edits: [
      edit('log-writer.ts', '    if (this.failure !== undefined) return REFUSED;\n', ''),
      edit(
        'log-writer.ts',
        '  commit(lazy = true): FaultMessage | undefined {\n    if (this.failure !== undefined) return this.failure;\n',
        '  commit(lazy = true): FaultMessage | undefined {\n',
      ),
    ],
  },
  {
    name: 'what a recovery has found is published before it is written again',
    edits: [edit('recovery.ts', '        this.disk.write(fd, [bytes], position);\n', '')],
  },
  {
    name: 'what a recovery has written again is published before it is synced',
    edits: [edit('recovery.ts', '      this.disk.sync(fd);\n      const noted', '      const noted')],
  },
  {
    name: 'the torn tail is not cut off',
    edits: [edit('recovery.ts', '      if (!short) this.disk.truncate(fd, end);\n', '')],
  },
  {
    name: 'the recovery point is on record before the sync that it speaks of',
    edits: [
      edit('topic-log.ts', '    this.recoveryPoint = this.synced;\n', '    this.recoveryPoint = this.written;\n'),
      edit(
        'topic-log.ts',
        '    this.stagedBytes = 0;\n    this.written = this.nextOffset;\n',
        '    this.stagedBytes = 0;\n    this.written = this.nextOffset;\n    if (this.sinceRecoveryPoint >= this.recoveryPointBytes) this.reachRecoveryPoint();\n',
      ),
      edit(
        'log-writer.ts',
        '      for (const log of synced) log.sync();\n      this.saveRecoveryPoints();\n',
        '      this.saveRecoveryPoints();\n      for (const log of synced) log.sync();\n',
      ),
    ],
  },
  {
    name: 'a new start is on record after the files below it are gone',
    edits: [
      edit(
        'log-writer.ts',
        '    this.saveStarts();\n    this.saveRecoveryPoints();\n    for',
        '    this.saveRecoveryPoints();\n    for',
      ),
      edit(
        'log-writer.ts',
        '      this.retention.released(segment.bytes);\n    }\n',
        '      this.retention.released(segment.bytes);\n    }\n    this.saveStarts();\n',
      ),
    ],
  },
  {
    name: 'a deleted segment is shortened before its new name is on the disk',
    edits: [
      edit(
        'retention/disposal.ts',
        '    if (isThere) disk.rename(file, deleted);\n    disk.syncFolder(folder);\n',
        '    if (isThere) disk.rename(file, deleted);\n',
      ),
    ],
  },
  {
    name: 'retention does not ask who still needs a segment',
    edits: [
      edit('retention/retention.ts', '  return endOffset > hold;\n', '  return endOffset > Infinity && hold > 0;\n'),
    ],
  },
  {
    name: 'a file is renamed before its bytes are synced',
    edits: [
      edit('disk.ts', '    disk.write(fd, [bytes], 0);\n    disk.sync(fd);\n', '    disk.write(fd, [bytes], 0);\n'),
    ],
  },
  {
    name: 'a file is written in place',
    edits: [
      edit('disk.ts', 'const beside = `${file}.tmp`;', 'const beside = file;'),
      edit('disk.ts', '  disk.rename(beside, file);\n', ''),
    ],
  },
  {
    name: 'a complete segment is not synced when the next one begins',
    edits: [
      edit(
        'topic-log.ts',
        '      this.write();\n      this.sync();\n      this.roll();\n',
        '      this.write();\n      this.roll();\n',
      ),
      edit('topic-log.ts', '    this.tail?.trim();\n    this.disk.sync(this.fd);\n', '    this.tail?.trim();\n'),
    ],
  },
  {
    name: 'the zeros behind a complete segment are cut off after its sync',
    edits: [
      edit(
        'topic-log.ts',
        '    this.tail?.trim();\n    this.disk.sync(this.fd);\n',
        '    this.disk.sync(this.fd);\n    this.tail?.trim();\n',
      ),
    ],
  },
  {
    name: 'a trim takes the last page for empty',
    edits: [
      edit(
        'tail-file.ts',
        '    this.disk.truncate(this.fd, this.position);\n',
        '    this.disk.truncate(this.fd, this.position - (this.position % PAGE_BYTES));\n',
      ),
    ],
  },
  {
    name: 'zeros are filled over the last page, which is written again behind them',
    edits: [edit('tail-file.ts', ' this.fill(end);\n', ' this.fill(start);\n')],
  },
  {
    name: 'the checksum is not looked at',
    edits: [
      edit(
        'record-batch.ts',
        "  if (crc32c(bytes.subarray(at + 21, at + total)) !== view.getUint32(at + 17)) return 'checksum';\n",
        '',
      ),
    ],
  },
  {
    name: 'a reader believes an index',
    edits: [edit('reader.ts', ' || batch.baseOffset !== expected || ', ' || ')],
  },
  {
    name: 'an index that is missing is taken for whole',
    edits: [
      edit(
        'index-repair.ts',
        '  if (last === undefined || (last.time?.lastOffset ?? 0) >= endOffset) return false;\n',
        '  if (last === undefined || (last.time?.lastOffset ?? 0) >= endOffset) return true;\n',
      ),
    ],
  },
  {
    name: 'a repacked segment takes its place before it is synced',
    edits: [
      edit(
        'repack/cleaned-segment.ts',
        '    this.buffered = 0;\n    this.disk.sync(this.fd);\n',
        '    this.buffered = 0;\n',
      ),
    ],
  },
  {
    name: 'a repacked segment takes its place beside the indexes of the old one',
    edits: [edit('repack/files.ts', '    if (names.includes(path.basename(file))) disk.unlink(file);\n', '')],
  },
];
