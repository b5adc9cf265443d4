import { constants, setPriority } from 'node:os';
import { assert, toFaultMessage } from '../../edge/core/fault.ts';
import { SampleReader } from './sample-reader.ts';
import type { TierAnswers, TierNotice, TierQuestion, TierRequest } from './tier-messages.ts';
import { TierReader } from './tier-reader.ts';

/** The process that reads a cold tier, until its gateway is gone: native code and the network's errors end it alone. */

assert(process.send !== undefined, 'a cold tier is read by a child process');
const send = process.send.bind(process);
const notify = (notice: TierNotice): void => void send(notice);
const samples = new SampleReader();
let reader: TierReader | undefined;

setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
process.once('disconnect', () => process.exit());
process.on('message', (request: TierRequest) => {
  if (request.type === 'open') reader = new TierReader(request.place, request.copies, samples);
  else if (request.type === 'release') reader?.release(request.lease);
  else void answer(request.id, request.question);
});

async function answer(id: number, question: TierQuestion): Promise<void> {
  try {
    assert(reader !== undefined, 'the tier is open');
    notify({ type: 'answer', id, answer: await answerTo(reader, question) });
  } catch (error) {
    notify({ type: 'refusal', id, fault: toFaultMessage(error) });
  }
}

async function answerTo(from: TierReader, question: TierQuestion): Promise<TierAnswers[keyof TierAnswers]> {
  if (question.ask === 'contents') return await from.contents();
  if (question.ask === 'lend') return await from.lend(question.span);
  const { page, beginUs } = await from.page(question.query);
  const { points, gaps, next } = page;
  return { points: points.toMessage(), gaps, next, beginUs };
}
