import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { EraseProgress } from '../erasures/keeper.ts';
import { LINES } from '../api/work-lines.ts';
import { catalogue } from '../core/fault-catalogue.ts';
import { Fault, type FaultCode } from '../core/fault.ts';
import type { HistorianPartOptions } from '../historian-part.ts';
import type { GatewayClient } from '../lock/gateway-client.ts';
import { Progress } from './progress.ts';

/** Shows how far long work is, one bar for each thing that is worked on. */
export class WorkProgress {
  private place = '';
  private bar: Progress | undefined;

  update({ place, done, total, unit }: EraseProgress): void {
    if (place !== this.place) {
      this.done();
      this.place = place;
      this.bar = new Progress(place, unit);
    }
    this.bar?.update(done, total);
  }

  done(): void {
    this.bar?.done();
    this.bar = undefined;
    this.place = '';
  }
}

/** Where a command that opens the data itself says what is wrong and does not stop it: beside its output. */
export const besideOutput: HistorianPartOptions['logger'] = { error: beside, warn: beside };

function beside(members: object | string, text?: string): void {
  const what = typeof members === 'string' ? members : `${text ?? ''} ${JSON.stringify(members)}`;
  process.stderr.write(`millrace: ${what.trim()}\n`);
}

/** Has the running gateway do long work and shows how far it is. Throws the Fault that it names, `gateway-failed` if the answer breaks off. */
export async function askWork(gateway: GatewayClient, path: string, body?: unknown): Promise<unknown> {
  const answer = await gateway.stream(path, { method: 'POST', accept: LINES, ...(body === undefined ? {} : { body }) });
  const progress = new WorkProgress();
  try {
    for await (const line of createInterface({ input: Readable.from(answer) })) {
      const step = JSON.parse(line) as { readonly type: string };
      if (step.type !== 'progress') return resultOf(step);
      progress.update(step as unknown as EraseProgress);
    }
  } finally {
    progress.done();
  }
  throw new Fault('gateway-failed', `${path}: the answer broke off.`);
}

/** A result, or what it failed for. */
function resultOf(step: { readonly type: string; readonly detail?: unknown }): unknown {
  const code = /^urn:millrace:error:(.+)$/.exec(step.type)?.[1];
  if (code === undefined) return step;
  const detail = typeof step.detail === 'string' ? step.detail : '';
  throw code in catalogue ? new Fault(code as FaultCode, detail) : new Fault('gateway-failed', detail);
}
