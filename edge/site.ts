import path from 'node:path';
import { z } from 'zod';
import { type Disk, readFile, replaceFile } from './core/disk.ts';
import { Fault, messageOf } from './core/fault.ts';

const schema = z.object({ v: z.literal(1), site: z.string() });

/** Puts the site's name on the data folder at the first start; later refuses the data of another site. Throws `site-differs`, `data-unreadable`, `file-unwritable`. */
export function claimSite(disk: Disk, dataFolder: string, site: string): void {
  const file = path.join(dataFolder, 'site.json');
  const bytes = readFile(disk, file);
  if (bytes === undefined) return claim(disk, file, site);
  let found: string;
  try {
    found = schema.parse(JSON.parse(new TextDecoder().decode(bytes))).site;
  } catch (error) {
    throw new Fault('data-unreadable', `${file}: ${messageOf(error)}`, { cause: error });
  }
  if (found !== site)
    throw new Fault('site-differs', `${dataFolder} is the data of ${found}, the configuration says ${site}.`);
}

function claim(disk: Disk, file: string, site: string): void {
  try {
    replaceFile(disk, file, `${JSON.stringify({ v: 1, site })}\n`);
  } catch (error) {
    throw new Fault('file-unwritable', `${file}: ${messageOf(error)}`, { cause: error });
  }
}
