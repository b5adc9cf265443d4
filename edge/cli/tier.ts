import { Command } from 'commander';
import { coveredUs, DAY_US } from '../../historian/parquet/cold-table.ts';
import { dateOf } from '../../historian/parquet/cold-tier.ts';
import { formatTime } from '../api/time-text.ts';
import { formatBytes, formatDuration } from '../config/quantities.ts';
import { openTier } from './open-tier.ts';
import { type ConfigOption, configOption, findConfig, jsonOption, withExample } from './options.ts';
import { jsonText, table } from './output.ts';
import { untilEnded } from './signals.ts';

/** `millrace historian tier` */
export function tierCommand(): Command {
  const command = new Command('tier')
    .description('Prints which days lie in the cold tier, read from there; with a gateway or without.')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(printTier);
  return withExample(command, 'millrace historian tier');
}

/** What somebody must know of a bucket who erases. */
const VERSIONS: Readonly<Record<string, string>> = {
  true: 'The bucket keeps versions of objects: `millrace erase` deletes those that have something of an erasure, which its key must be allowed (s3:DeleteObjectVersion); copies of it elsewhere (replication, backups) are yours to erase.',
  null: 'Whether the bucket keeps versions of objects cannot be told: let its key do s3:GetBucketVersioning, or an erasure is not known to be done.',
};

async function printTier(options: ConfigOption & { readonly json?: boolean }): Promise<void> {
  const { config } = await findConfig(options);
  const tier = openTier(config);
  if (tier === undefined) {
    process.stdout.write(
      options.json === true
        ? jsonText({ location: null, days: [] })
        : 'No cold tier is configured (`historian.tier`).\n',
    );
    return;
  }
  try {
    const { location, days, covered, keepsVersions } = await untilEnded(() => tier.contents());
    const after = config.historian.tier?.after ?? 0;
    const items = days.map(({ day, name, rows, bytes, tags, gaps }) => {
      return {
        day: dateOf(day),
        file: name,
        samples: rows,
        bytes,
        firstTag: tags[0],
        lastTag: tags[1],
        gaps: gaps.length,
      };
    });
    const until = covered === undefined ? null : formatTime(coveredUs(covered));
    if (options.json === true)
      return void process.stdout.write(
        jsonText({ location, afterDays: after / (DAY_US / 1000), until, keepsVersions, days: items }),
      );
    const rows = items.map((item) => [item.day, item.samples, formatBytes(item.bytes), item.gaps, item.file]);
    process.stdout.write(`${location}, days that ended ${formatDuration(after)} ago\n`);
    process.stdout.write(
      until === null ? 'Nothing was put away yet.\n' : `Everything before ${until} that had come by then is there.\n`,
    );
    if (keepsVersions !== false) process.stdout.write(`${VERSIONS[String(keepsVersions)]}\n`);
    if (rows.length > 0) process.stdout.write(`\n${table(['day', 'samples', 'size', 'gaps', 'file'], rows)}`);
  } finally {
    await tier.close();
  }
}
