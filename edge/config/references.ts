import { formatAddress, isLoopback, parseAddress } from './address.ts';
import { listOf, member } from './document.ts';
import { checkMappings } from './mappings.ts';
import { topicsNamed } from './mirrored-topics.ts';
import { formatPath, type Found, type Path, quote } from './problem.ts';

/*
 * What the schema cannot see because it takes two places to be wrong. Works on the document as it stands, so that it is said together with everything else:
 * what has another shape than expected is left to the schema.
 */

/** Names that stand twice, addresses that are taken, mirrors that would overwrite each other, mappings that make no sense. */
export function checkReferences(document: unknown): Found[] {
  const connectors = listOf(document, 'connectors');
  const links = listOf(document, 'links');
  return [
    ...repeatedNames('connectors', connectors),
    ...repeatedNames('links', links),
    // An alarm of a model has the model's name.
    ...repeatedNames('alarms', listOf(document, 'alarms'), 'models', listOf(document, 'models')),
    ...repeatedListeners(document, connectors),
    ...repeatedDestinations(links),
    ...checkMappings(connectors),
  ];
}

/** Names of one list, or of two that share their names. */
function repeatedNames(
  list: string,
  items: readonly unknown[],
  secondList = '',
  secondItems: readonly unknown[] = [],
): Found[] {
  const taken = new Owners();
  const all = [
    ...items.map((item, i) => ({ item, at: [list, i] })),
    ...secondItems.map((item, i) => ({ item, at: [secondList, i] })),
  ];
  return all.flatMap(({ item, at }) => {
    const name = member(item, 'name');
    return typeof name === 'string' ? taken.take(name, [...at, 'name'], quote(name), 'a name of its own') : [];
  });
}

function repeatedListeners(document: unknown, connectors: readonly unknown[]): Found[] {
  const taken = new Owners();
  const listeners: [Path, unknown][] = [
    [['http', 'listen'], member(member(document, 'http'), 'listen') ?? '127.0.0.1:8080'],
    ...connectors.map((connector, i): [Path, unknown] => {
      const standard = member(connector, 'kind') === 'mqtt-broker' ? '127.0.0.1:1883' : undefined;
      return [['connectors', i, 'listen'], member(connector, 'listen') ?? standard];
    }),
  ];
  return listeners.flatMap(([path, text]) => {
    const address = typeof text === 'string' ? parseAddress(text) : undefined;
    // Port 0 is a free port, another one for each.
    if (address === undefined || address.port === 0 || !isLoopback(address.host)) return [];
    const host = address.host.toLowerCase() === 'localhost' ? '127.0.0.1' : address.host;
    const name = formatAddress({ ...address, host });
    return taken.take(name, path, name, 'an address of its own');
  });
}

/** Two links that write to one topic of one cluster would each find the other's records there. */
function repeatedDestinations(links: readonly unknown[]): Found[] {
  const taken = new Owners();
  return links.flatMap((link, i) => {
    const prefix = member(link, 'prefix') ?? '';
    const brokers = listOf(member(link, 'to'), 'brokers').filter((broker) => typeof broker === 'string');
    const topics = member(link, 'topics') === undefined ? ['samples'] : listOf(link, 'topics');
    return topics.flatMap((entry, j) => {
      if (typeof entry !== 'string' || typeof prefix !== 'string') return [];
      const path = ['links', i, 'topics', j];
      const found = topicsNamed(entry).flatMap((topic) => {
        const destination = prefix + topic;
        return brokers.flatMap((broker) =>
          taken.take(`${broker} ${destination}`, path, `the destination ${quote(destination)}`, 'one of its own'),
        );
      });
      return found.slice(0, 1);
    });
  });
}

/** Who has which name: the first one keeps it. */
class Owners {
  private readonly owners = new Map<string, Path>();

  take(key: string, path: Path, what: string, expected: string): Found[] {
    const owner = this.owners.get(key);
    if (owner !== undefined) return [{ path, wrong: `${what} is already used by ${formatPath(owner)}`, expected }];
    this.owners.set(key, path);
    return [];
  }
}
