import { cpSync, globSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageIn } from './folder.ts';
import { headerFolders, libraries, packagesFolder, wheel } from './pins.ts';
import { run, RunError } from './run.ts';

/** Where the library comes from: the pinned wheel and a compiler (Linux x64), or the package's own download. */
export type Source = 'wheel' | 'download';

const minuteMs = 60_000;
/** A step that takes longer says so. */
const sayEveryMs = 15_000;
/** The package's own download has no limit, and a firewall may answer it with silence. */
const downloadLimitMs = 3 * minuteMs;

/**
 * Builds the native package in an empty folder: packages by their lock without their scripts, then the library and the binding, then a trial.
 *
 * @throws RunError with what to do
 */
export async function buildNative(folder: string, source: Source, say: (line: string) => void): Promise<void> {
  const step = async (what: string, todo: string, work: () => Promise<void>): Promise<void> => {
    say(`${what} …`);
    const start = performance.now();
    const seconds = (): string => ((performance.now() - start) / 1000).toFixed(1);
    const timer = setInterval(() => say(`${what}: ${seconds()} s so far`), sayEveryMs);
    try {
      await work();
    } catch (error) {
      throw error instanceof RunError ? new RunError(`${error.message}\n${what} failed: ${todo}`) : error;
    } finally {
      clearInterval(timer);
    }
    say(`${what}: ${seconds()} s`);
  };
  // Before much is downloaded.
  if (source === 'wheel') await step('programs', 'this needs Python 3 with pip, and g++', () => checkPrograms(folder));
  await step('packages', 'see what npm says; its registry must be reachable', () => installPackages(folder));
  if (source === 'download') {
    await step("the package's own download", 'leave out --download on Linux x64', () => ownDownload(folder));
  } else {
    await step(`library (${wheel.requirement}, 207 MB)`, 'see what pip says; its index must be reachable', () =>
      fetchWheel(folder),
    );
    await step('unpacking it', 'look at the space on the disk', () => unpackWheel(folder));
    await step('compiling the binding', 'see what the compiler says', () => compile(folder));
  }
  rmSync(path.join(folder, 'wheel'), { recursive: true, force: true });
  await step('trial', 'this system cannot load the library; models are trained by WebAssembly', () =>
    tryNative(folder),
  );
}

const python = 'install Python 3 with pip (Debian: apt-get install python3-pip), then run this again';
const compiler = 'install a C++ compiler (Debian: apt-get install g++), then run this again';

async function checkPrograms(cwd: string): Promise<void> {
  await run('g++', ['--version'], { cwd, limitMs: minuteMs, missing: compiler });
  await run('python3', ['-m', 'pip', '--version'], { cwd, limitMs: minuteMs, missing: python });
}

async function installPackages(folder: string): Promise<void> {
  for (const file of ['package.json', 'package-lock.json'])
    cpSync(path.join(packagesFolder, file), path.join(folder, file));
  const args = ['ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund'];
  await run('npm', args, { cwd: folder, limitMs: 5 * minuteMs, missing: 'install Node.js with npm' });
  // Two thirds of what was installed.
  for (const file of globSync('node_modules/**/*.map', { cwd: folder })) rmSync(path.join(folder, file));
}

/** What the package does when its install script may run: library and binding come without checksums, over TLS. */
async function ownDownload(folder: string): Promise<void> {
  await run(process.execPath, ['scripts/install.js'], {
    cwd: packageIn(folder),
    limitMs: downloadLimitMs,
    // It calls node-pre-gyp by name.
    env: { PATH: `${path.join(folder, 'node_modules', '.bin')}${path.delimiter}${process.env['PATH'] ?? ''}` },
    missing: 'install Node.js',
  });
}

async function fetchWheel(folder: string): Promise<void> {
  const wheelFolder = path.join(folder, 'wheel');
  mkdirSync(wheelFolder);
  writeFileSync(path.join(wheelFolder, 'wanted.txt'), `${wheel.requirement} --hash=sha256:${wheel.sha256}\n`);
  const download = ['-m', 'pip', 'download', '--no-deps', '--only-binary', ':all:', '--require-hashes'];
  const which = ['--python-version', wheel.python, '--implementation', 'cp', '--abi', wheel.abi];
  const quiet = ['--quiet', '--no-input', '--disable-pip-version-check', '--no-cache-dir'];
  const what = ['--platform', wheel.platform, '--requirement', 'wanted.txt', '--dest', '.'];
  const limits = { cwd: wheelFolder, limitMs: 10 * minuteMs, missing: python };
  await run('python3', download.concat(which, quiet, what), limits);
}

async function unpackWheel(folder: string): Promise<void> {
  const wheelFolder = path.join(folder, 'wheel');
  const [archive = ''] = globSync('*.whl', { cwd: wheelFolder });
  const wanted = [
    ...libraries.map((name) => `tensorflow/${name}`),
    ...headerFolders.map((name) => `tensorflow/include/${name}/`),
  ];
  const limits = { cwd: wheelFolder, limitMs: 2 * minuteMs, missing: python };
  await run('python3', [fileURLToPath(new URL('./unpack.py', import.meta.url)), archive, ...wanted], limits);
  rmSync(path.join(wheelFolder, archive));
  const lib = path.join(packageIn(folder), 'deps', 'lib');
  mkdirSync(lib, { recursive: true });
  for (const name of libraries) renameSync(path.join(wheelFolder, 'tensorflow', name), path.join(lib, name));
}

/** The binding is N-API: it needs the headers of that, not those of one Node version. It finds the libraries from where it lies itself. */
async function compile(folder: string): Promise<void> {
  const target = 'lib/napi-v8/tfjs_binding.node';
  const cwd = packageIn(folder);
  mkdirSync(path.join(cwd, path.dirname(target)), { recursive: true });
  const defines = ['-DNAPI_VERSION=8', '-DNODE_GYP_MODULE_NAME=tfjs_binding'];
  const includes = [
    path.join(folder, 'node_modules', 'node-api-headers', 'include'),
    path.join(folder, 'wheel', 'tensorflow', 'include'),
  ].flatMap((one) => ['-I', one]);
  const sources = ['binding/tfjs_backend.cc', 'binding/tfjs_binding.cc'];
  const link = ['-L', 'deps/lib', ...libraries.map((name) => `-l:${name}`), '-Wl,-rpath,$ORIGIN/../../deps/lib'];
  const how = ['-std=c++17', '-O2', '-fPIC', '-shared', '-s', '-Wl,--allow-shlib-undefined'];
  await run('g++', how.concat(defines, includes, sources, ['-o', target], link), {
    cwd,
    limitMs: 3 * minuteMs,
    missing: compiler,
  });
}

/** Loads it in a process of its own, which it may take down, and has it compute. @throws RunError */
export async function tryNative(folder: string): Promise<void> {
  await run(process.execPath, [fileURLToPath(new URL('./trial.ts', import.meta.url)), packageIn(folder)], {
    cwd: folder,
    limitMs: minuteMs,
    env: { TF_CPP_MIN_LOG_LEVEL: '2' },
    missing: 'install Node.js',
  });
}
