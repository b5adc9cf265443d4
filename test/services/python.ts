import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { installFolder, serviceFolder } from './cache.ts';
import { program, run, type Output, type RunOptions } from './run.ts';
import { goPackages, pythonPackages, tablePackages } from './versions.ts';

/** Environments. Those who read tables (`pandas`, `polars`, `pyarrow`, `pyiceberg`) have one of their own: it takes 600 MB. That of `go` is there only where there is no other Go. */
const environments = {
  go: { packages: goPackages, imports: 'go' },
  python: { packages: pythonPackages, imports: 'fastavro, paho.mqtt.client, asyncua, pymodbus' },
  tables: { packages: tablePackages, imports: 'pandas, polars, pyarrow, pyiceberg' },
};
export type PythonEnvironment = keyof typeof environments;

/** The folder of a virtual environment. */
export function pythonFolder(environment: PythonEnvironment = 'python'): string {
  return serviceFolder(environment, environments[environment].packages);
}

/** The Python that has the pinned packages (`fastavro`, `paho-mqtt`, `asyncua`, `pymodbus`, or those of another environment). */
export function pythonProgram(environment: PythonEnvironment = 'python'): string {
  const python = join(pythonFolder(environment), 'bin', 'python');
  if (!existsSync(python)) throw new Error('the Python environment is not installed: npm run services:setup');
  return python;
}

/** Makes a virtual environment. It is entered by its `python` alone, so it can be moved to its place when it is whole. Returns whether there was something to do. */
export function installPython(environment: PythonEnvironment = 'python'): Promise<boolean> {
  const { packages, imports } = environments[environment];
  return installFolder({
    folder: pythonFolder(environment),
    build: (folder) => buildEnvironment(folder, packages, imports),
    whole: (folder) => importsPackages(folder, imports),
  });
}

async function buildEnvironment(folder: string, packages: readonly string[], imports: string): Promise<void> {
  await run(program('python3'), ['-m', 'venv', folder], { limitMs: 300_000 });
  const pip = [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--no-input',
    '--disable-pip-version-check',
    '--only-binary',
    ':all:',
  ];
  await run(join(folder, 'bin', 'python'), [...pip, ...packages], { limitMs: 900_000 });
  if (!(await importsPackages(folder, imports)))
    throw new Error('the new Python environment cannot import its packages');
}

async function importsPackages(folder: string, imports: string): Promise<boolean> {
  const python = join(folder, 'bin', 'python');
  if (!existsSync(python)) return false;
  const { code } = await run(python, ['-c', `import ${imports}`], { anyCode: true });
  return code === 0;
}

/** Runs Python code, or a file whose name ends with `.py`, in an environment. */
export function runPython(
  script: string,
  args: readonly string[] = [],
  input: string | Uint8Array = '',
  options: RunOptions & { readonly environment?: PythonEnvironment } = {},
): Promise<Output> {
  const { environment, ...rest } = options;
  const code = script.endsWith('.py') ? [script] : ['-c', script];
  return run(pythonProgram(environment), [...code, ...args], { limitMs: 120_000, ...rest, input });
}
