import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import { Delivery } from '../../historian/questdb/delivery.ts';
import type { QuestdbAddress } from '../../historian/questdb/http.ts';
import { settlingMs } from '../../historian/questdb/settling.ts';
import { tableNames } from '../../historian/questdb/table.ts';
import type { Address } from '../config/address.ts';
import { systemClock } from '../core/clock.ts';
import { Fault, messageOf } from '../core/fault.ts';
import { readSecret } from '../core/secret.ts';
import type { HubConfig } from './config.ts';
import { ErasureTable } from './erasure-table.ts';
import { Hub } from './hub.ts';
import { KafkaJsGroup, type KafkaJsGroupOptions } from './kafkajs-group.ts';
import { HubServer } from './server.ts';
import { SiteTopics } from './site-topics.ts';

/** Names of sites in a message. */
const MAX_LISTED = 20;

/** How a hub is run. */
export interface RunHubOptions {
  readonly config: HubConfig;
  /** Ends it: what is under way gets 3 s. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** HTTP listens there; Kafka and QuestDB may still be away. */
  readonly onStarted?: (http: Address) => void;
}

/** Runs a hub until the signal ends it. Throws what keeps it from starting: `config-invalid`, `listen-failed`. Kafka or QuestDB that are away do not: they are tried again. */
export async function runHub({ config, signal, log, onStarted }: RunHubOptions): Promise<void> {
  const { kafka, questdb, sites } = config;
  const clock = systemClock();
  const topics = new SiteTopics(sites);
  const names = tableNames(questdb.table);
  const report = (fault: Fault): void => log.warn({ code: fault.code }, `${fault.message} ${fault.todo}`);
  // It is found again at each beginning, and stays as it is.
  let isTold = false;
  const tellOnce = (fault: Fault): void => {
    if (!isTold) report(fault);
    isTold = true;
  };
  let lacking = '';
  const tellLacking = ({ samples, events }: ReturnType<SiteTopics['lacking']>): void => {
    const told = JSON.stringify({ samples, events });
    if (told === lacking) return;
    lacking = told;
    if (samples.length > 0) report(new Fault('hub-topics-missing', `${listed(samples)}.`));
    const quiet = events.filter((site) => !samples.includes(site));
    if (quiet.length > 0)
      log.info(
        { sites: listed(quiet) },
        'topic `events` is not mirrored: what their gateways erase is not erased here',
      );
  };
  const address = async (): Promise<QuestdbAddress> => ({
    http: questdb.http,
    password: await readSecret(questdb.password),
  });
  const hub = new Hub({
    member: async () =>
      new KafkaJsGroup({
        kafka: await connectionOf(kafka),
        groupId: kafka.group,
        topics: topics.names,
        onTopics: (found) => tellLacking(topics.lacking(found)),
      }),
    delivery: async () =>
      new Delivery({ address: await address(), names, epoch: 0, clock, lanes: questdb.lanes, report }),
    erasures: async () => new ErasureTable(await address(), names.samples, report),
    settleMs: async () => settlingMs(await address(), tellOnce),
    topics,
    clock,
    report,
    note: (members, text) => log.info(members, text),
  });
  const server = new HubServer(hub, config.http.listen);
  onStarted?.(await server.listen());
  try {
    await hub.run(signal);
  } finally {
    await server.close();
  }
}

/** Some of many names. */
function listed(names: readonly string[]): string {
  const more = names.length - MAX_LISTED;
  return `${names.slice(0, MAX_LISTED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Read at each beginning: new passwords and certificates count then. Throws `secret-missing`. */
async function connectionOf({ brokers, tls, sasl }: HubConfig['kafka']): Promise<KafkaJsGroupOptions['kafka']> {
  const ssl = typeof tls === 'boolean' ? tls : { ca: [await readAuthorities(tls.ca)] };
  if (sasl === undefined) return { brokers, ssl };
  const credentials = { username: sasl.username, password: await readSecret(sasl.password) };
  // One at a time: the client's type tells them apart by the mechanism.
  switch (sasl.mechanism) {
    case 'plain':
      return { brokers, ssl, sasl: { mechanism: 'plain', ...credentials } };
    case 'scram-sha-256':
      return { brokers, ssl, sasl: { mechanism: 'scram-sha-256', ...credentials } };
    case 'scram-sha-512':
      return { brokers, ssl, sasl: { mechanism: 'scram-sha-512', ...credentials } };
  }
}

async function readAuthorities(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Fault('secret-missing', `kafka.tls.ca: ${messageOf(error)}`, { cause: error });
  }
}
