import { Fault } from '../../edge/core/fault.ts';
import { type Answer, ErrorCode, type KafkaError } from '../kafka/errors.ts';

/** Faults that end by themselves: the link goes on trying. All others wait for somebody who changes something. */
const passing: ReadonlySet<string> = new Set([
  'kafka-unreachable',
  'kafka-timeout',
  'kafka-disconnected',
  'kafka-protocol',
  'kafka-busy',
  'link-unsettled',
]);

/** Whether the link tries again by itself after this. */
export function isPassing(fault: Fault): boolean {
  return passing.has(fault.code);
}

/**
 * A broker's error as a fault: `kafka-busy` where the same request may succeed later, else `kafka-refused`. A broker's own failure counts as passing
 * here: a session looks at the destination before it writes, so that trying again does no harm.
 */
export function faultOf(error: KafkaError, what: string): Fault {
  const words = error.message === null ? '' : `: ${error.message}`;
  const passes = error.retriable || error.code === ErrorCode.UNKNOWN_SERVER_ERROR;
  return new Fault(passes ? 'kafka-busy' : 'kafka-refused', `${what}: ${error.name}${words}.`);
}

/** The values of an answer; throws `faultOf` its error. */
export function valuesOf<T>(answer: Answer<T>, what: string): { ok: true } & T {
  if (answer.ok) return answer;
  throw faultOf(answer.error, what);
}
