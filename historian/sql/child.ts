import { writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { assert, fromFaultMessage, messageOf, toFaultMessage } from '../../edge/core/fault.ts';
import type { ColdFiles, ColdReply, ColdSpan } from '../parquet/cold-rows.ts';
import { ask, type Asked } from './engine.ts';
import type { SqlColumn, SqlFormat, SqlJob, SqlNotice, SqlRequest } from './messages.ts';
import { pieces } from './pieces.ts';
import type { RowWriter } from './row-writer.ts';

/** The process of one question: it ends with its answer, or with the gateway. */

assert(process.send !== undefined, 'SQL runs as a child process');
const send = process.send.bind(process);
let taken = Promise.withResolvers<void>();
const lent = Promise.withResolvers<ColdReply>();

process.once('disconnect', () => process.exit());
process.on('message', (request: SqlRequest) => {
  if (request.type === 'more') taken.resolve();
  else if (request.type === 'cold') lent.resolve(request.cold);
  else void answer(request.job);
});
yieldToOthers();

async function answer(job: SqlJob): Promise<void> {
  try {
    const asked = await ask(job, job.coldFolder === undefined ? undefined : coldFiles);
    const { columns } = asked;
    if (job.parquetFile !== undefined) {
      await notify({ type: 'columns', columns });
      const written = await asked.write(job.parquetFile, job.maxRows);
      return await notify({ type: 'end', end: { rows: written, gaps: asked.gaps(), more: false } });
    }
    const writer = await writerFor(job.format, columns, asked.types);
    await notify({ type: 'columns', columns });
    await give(writer.begin(columns));
    let rows = 0;
    let more = false;
    for (let next = await asked.next(); next !== null && !more; next = await asked.next()) {
      more = rows + next.length > job.maxRows;
      const wanted = more ? next.slice(0, job.maxRows - rows) : next;
      rows += wanted.length;
      for (const piece of pieces(wanted)) await give(writer.write(piece));
    }
    const end = { rows, gaps: asked.gaps(), more };
    await give(writer.end(end));
    await notify({ type: 'end', end });
  } catch (error) {
    await notify({ type: 'failed', fault: toFaultMessage(error) });
  } finally {
    // Only after what was sent has gone.
    process.disconnect();
  }
}

async function coldFiles(span: ColdSpan): Promise<ColdFiles> {
  await notify({ type: 'cold', span });
  const reply = await lent.promise;
  if ('fault' in reply) throw fromFaultMessage(reply.fault);
  return reply.files;
}

/** Resolves when the piece was taken. */
async function give(bytes: Uint8Array): Promise<void> {
  if (bytes.length === 0) return;
  taken = Promise.withResolvers();
  await notify({ type: 'piece', bytes });
  await taken.promise;
}

function notify(notice: SqlNotice): Promise<void> {
  return new Promise((resolve) => send(notice, () => resolve()));
}

/** Whoever asks must not slow the gateway; and where the system runs out of memory it is to end this process first. */
function yieldToOthers(): void {
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  if (process.platform !== 'linux') return;
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch (error) {
    process.stderr.write(`no oom_score_adj: ${messageOf(error)}\n`);
  }
}

/** The writer of a format; Arrow's library is loaded only where it is wanted. */
async function writerFor(format: SqlFormat, columns: readonly SqlColumn[], types: Asked['types']): Promise<RowWriter> {
  if (format === 'arrow') return new (await import('./answer-arrow.ts')).ArrowWriter(types, columns);
  const { CsvWriter, JsonWriter } = await import('./answer-text.ts');
  return format === 'csv' ? new CsvWriter(types) : new JsonWriter(types);
}
