import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildNative, tryNative, type Source } from './build.ts';
import { ensureFolder, nativeFolder, packageIn } from './folder.ts';
import { linkInto } from './link.ts';
import { wheel } from './pins.ts';
import { RunError } from './run.ts';

const help = `npm run native:setup

Installs TensorFlow's native library for training models; without it they are trained by WebAssembly. Needs Linux on x64, Python 3
with pip, and g++; downloads about 240 MB and keeps 730 MB in
${nativeFolder()} (another parent: MILLRACE_NATIVE; the user that runs the gateway must be able to read it).
Quick when it is there. Changes neither package.json nor the lock; run it again after \`npm ci\`.

  --download  lets the package fetch its own library (other processors and systems; not tried by us, without checksums)
  --help      shows this
`;

const root = path.resolve(import.meta.dirname, '..', '..');
const say = (line: string): void => void process.stdout.write(`native: ${line}\n`);

async function setUp(source: Source): Promise<void> {
  if (source === 'wheel' && (process.platform !== 'linux' || process.arch !== 'x64')) {
    throw new Error(
      `${wheel.requirement} is pinned for Linux on x64, this is ${process.platform} on ${process.arch}: ` +
        'models are trained by WebAssembly here; `npm run native:setup -- --download` tries the own download of the package',
    );
  }
  const folder = nativeFolder();
  const start = performance.now();
  const built = await ensureFolder(folder, (temporary) => buildNative(temporary, source, say), works);
  say(built ? `built in ${((performance.now() - start) / 1000).toFixed(1)} s: ${folder}` : `there: ${folder}`);
  linkInto(root, folder);
  say(`ready: node_modules/@tensorflow/tfjs-node is ${packageIn(folder)}`);
}

async function works(folder: string): Promise<boolean> {
  try {
    await tryNative(folder);
    return true;
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    say(`what is there does not work and is built again: ${error.message}`);
    return false;
  }
}

/** 0 done, 1 failed, 2 wrong usage. */
async function main(): Promise<number> {
  let values: { help?: boolean; download?: boolean };
  try {
    ({ values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' }, download: { type: 'boolean' } } }));
  } catch (error) {
    process.stderr.write(`${String(error)}\n\n${help}`);
    return 2;
  }
  if (values.help === true) {
    process.stdout.write(help);
    return 0;
  }
  try {
    await setUp(values.download === true ? 'download' : 'wheel');
    return 0;
  } catch (error) {
    process.stderr.write(`native: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

process.exitCode = await main();
