import type { LinkStatus } from '../api/services.ts';
import { table } from './output.ts';

/** Links for people, a row for each topic. */
export function linkTable(links: readonly LinkStatus[]): string {
  const topics = links.flatMap((link) => link.topics.map((topic) => ({ link, topic })));
  const rows = topics.map(({ link, topic }) => [
    link.name,
    topic.topic,
    topic.destination,
    topic.state,
    topic.end,
    topic.mirrored ?? '?',
    topic.lag ?? '?',
    topic.detail ?? '',
  ]);
  const warnings = topics.flatMap(({ link, topic }) =>
    topic.warnings.map((text) => `${link.name}, ${topic.destination}: ${text}\n`),
  );
  return table(['link', 'topic', 'destination', 'state', 'end', 'mirrored', 'lag', ''], rows) + warnings.join('');
}
