import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Gateway, site, startGateway } from './gateway.ts';
import { historyByCommand, historyByHttp } from './history.ts';
import { imbalances, settledLedger } from './ledger.ts';
import { MqttDevice } from './mqtt-device.ts';
import { type DumpedLine, topicEnd } from './topic-dump.ts';

const topicOf = { critical: 'samples.critical', standard: 'samples', bulk: 'samples.bulk' } as const;
type Class = keyof typeof topicOf;
const classes = Object.keys(topicOf) as Class[];
const perTag = 100;

const mapping = { value: '$.value', time: '$.time', timeFormat: 'ms' };
const topics = [
  { match: 'by/critical', tag: 'critical/value', class: 'critical', ...mapping },
  { match: 'by/bulk', tag: 'bulk/value', class: 'bulk', ...mapping },
  { match: 'by/+', tag: '{1}/value', ...mapping },
];
const values = (from: number) => Array.from({ length: perTag }, (_, n) => from + n);
const tagOf = (ofClass: Class): string => `${site}/${ofClass}/value`;

/** Publishes each value under the tag of each class, in one device's order; resolves when all are acknowledged. */
async function publish(gateway: Gateway, clientId: string, from: number): Promise<void> {
  await using device = new MqttDevice({ port: gateway.mqttPort, clientId }).start();
  const sent = values(from).flatMap((value) =>
    classes.map((ofClass) => device.publish(`by/${ofClass}`, JSON.stringify({ value, time: 1.6e12 + value }))),
  );
  await Promise.all(sent);
}

async function endsOf(gateway: Gateway): Promise<Record<string, number>> {
  const ends = classes.map(async (ofClass) => [ofClass, await topicEnd(gateway, topicOf[ofClass])] as const);
  return Object.fromEntries(await Promise.all(ends));
}

async function dumped(gateway: Gateway, topic: string): Promise<DumpedLine[]> {
  const { stdout } = await gateway.cli('log', 'dump', topic, '--json');
  return stdout
    .toString('utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as DumpedLine);
}

async function balanced(gateway: Gateway): Promise<Awaited<ReturnType<typeof settledLedger>>['total']> {
  const ledger = await settledLedger(gateway);
  expect(imbalances(ledger)).toEqual([]);
  return ledger.total;
}

test('a tag lives in the topic of its class: log, history and ledger know all three, and a changed class moves nothing', async () => {
  await using gateway = await startGateway({ topics });
  await publish(gateway, 'first', 0);
  expect(await endsOf(gateway)).toEqual({ critical: perTag, standard: perTag, bulk: perTag });
  const { items } = (await gateway.api('/api/v1/tags')) as { items: readonly { path: string; class: string }[] };
  expect(items.map(({ path, class: ofClass }) => [path, ofClass])).toEqual(
    classes.toSorted().map((ofClass) => [tagOf(ofClass), ofClass]),
  );
  expect(await balanced(gateway)).toMatchObject({ received: 300, logged: 300, duplicate: 0 });
  expect(await gateway.text('/metrics', 'text/plain')).toMatch(
    /^millrace_log_end_offset\{topic="samples\.critical"\} 100$/m,
  );

  await gateway.kill9();
  // Critical becomes standard, bulk becomes critical, standard becomes bulk.
  const next: Record<string, string> = { critical: 'standard', bulk: 'critical' };
  const changed = JSON.parse(readFileSync(gateway.configFile, 'utf8')) as {
    connectors: { topics: { class?: string }[] }[];
  };
  for (const each of changed.connectors[0]?.topics ?? []) each.class = next[each.class ?? ''] ?? 'bulk';
  writeFileSync(gateway.configFile, JSON.stringify(changed));
  gateway.start();
  await gateway.ready();
  // What was logged before the crash is known, in whatever topic; what is new goes where its tag lives.
  await publish(gateway, 'again', 0);
  await publish(gateway, 'more', perTag);
  expect(await endsOf(gateway)).toEqual({ critical: 2 * perTag, standard: 2 * perTag, bulk: 2 * perTag });
  expect(await balanced(gateway)).toMatchObject({ logged: 600, duplicate: 300 });
  const expected = [...values(0), ...values(perTag)];
  for (const ofClass of classes) {
    const found = await historyByHttp(gateway, [tagOf(ofClass)]);
    expect(found.flatMap(({ value }) => value ?? [])).toEqual(expected);
  }

  await gateway.stop();
  await gateway.cli('log', 'verify');
  for (const ofClass of classes) {
    const found = await historyByCommand(gateway, [tagOf(ofClass)]);
    expect(found.flatMap(({ value }) => value ?? [])).toEqual(expected);
    const keys = (await dumped(gateway, topicOf[ofClass])).map(({ key }) => key);
    expect(new Set(keys)).toEqual(new Set([tagOf(ofClass)]));
  }
  const reasons = (await dumped(gateway, 'events')).flatMap(({ value }) => {
    const { type, reason } = value as { readonly type: string; readonly reason?: string };
    return type === 'problem' ? [reason ?? ''] : [];
  });
  expect(reasons.toSorted()).toEqual(
    [
      `${tagOf('bulk')}: of class bulk (topic samples.bulk), the configuration says critical. `,
      `${tagOf('critical')}: of class critical (topic samples.critical), the configuration says standard. `,
      `${tagOf('standard')}: of class standard (topic samples), the configuration says bulk. `,
    ].map((begin) => `${begin}A tag lives in one topic for ever: its class stays.`),
  );
  for (const reason of reasons) expect(gateway.output()).toContain(reason);
});
