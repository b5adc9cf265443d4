import type { Gateway } from './gateway.ts';

/** A line of `millrace log dump --json`. */
export interface DumpedLine {
  readonly offset: number;
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  /** Text, JSON or null; bytes that are neither stand in `base64`. */
  readonly value?: unknown;
  readonly base64?: string;
  readonly sample?: {
    readonly time: string;
    readonly value: unknown;
    readonly quality: number;
    readonly flags: readonly string[];
  };
}

/** End offset of a topic; 0 while it does not exist. */
export async function topicEnd(gateway: Gateway, topic: string): Promise<number> {
  const { items } = (await gateway.api('/api/v1/log/topics')) as { items: readonly { topic: string; end: number }[] };
  return items.find((one) => one.topic === topic)?.end ?? 0;
}

/** Records of a topic from an offset to the durable end. */
export async function dumpFrom(gateway: Gateway, topic: string, from: number): Promise<DumpedLine[]> {
  if ((await topicEnd(gateway, topic)) <= from) return [];
  const { stdout } = await gateway.cli('log', 'dump', topic, '--from', String(from), '--json');
  const lines = stdout.toString('utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as DumpedLine);
}
