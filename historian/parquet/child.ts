import { constants, setPriority } from 'node:os';
import { assert, fromFaultMessage, toFaultMessage } from '../../edge/core/fault.ts';
import { writeSamples } from './engine.ts';
import { rewriteSamples } from './rewrite.ts';
import type { ColdFiles, ColdReply, ColdSpan } from './cold-rows.ts';
import type { ParquetAnswers, ParquetNotice, ParquetQuestion, ParquetRequest } from './messages.ts';
import { SampleReader } from './sample-reader.ts';

/** The process that reads and writes Parquet files: one question after the other, until its gateway is gone. */

assert(process.send !== undefined, 'Parquet runs as a child process');
const send = process.send.bind(process);
const notify = (notice: ParquetNotice): void => void send(notice);
const reader = new SampleReader();
let turn: Promise<void> = Promise.resolve();
/** Takes what the cold tier has, while somebody waits for it. */
let asking: ((reply: ColdReply) => void) | undefined;

setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
process.once('disconnect', () => process.exit());
process.on('message', (request: ParquetRequest) => {
  if (request.type === 'cold') asking?.(request.cold);
  else turn = turn.then(() => answer(request.id, request.question));
});

async function answer(id: number, question: ParquetQuestion): Promise<void> {
  try {
    notify({ type: 'answer', id, answer: await answerTo(id, question) });
  } catch (error) {
    notify({ type: 'refusal', id, fault: toFaultMessage(error) });
  }
}

async function answerTo(id: number, question: ParquetQuestion): Promise<ParquetAnswers[keyof ParquetAnswers]> {
  if (question.ask === 'write')
    return await writeSamples(
      question.job,
      (samples) => notify({ type: 'progress', id, samples }),
      (span) => coldFiles(id, span),
    );
  if (question.ask === 'rewrite') return await rewriteSamples(question.job);
  return await reader.read(question.job);
}

async function coldFiles(id: number, span: ColdSpan): Promise<ColdFiles> {
  const { promise, resolve } = Promise.withResolvers<ColdReply>();
  asking = resolve;
  notify({ type: 'cold', id, span });
  const reply = await promise;
  if ('fault' in reply) throw fromFaultMessage(reply.fault);
  return reply.files;
}
