import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { installFolder, serviceFolder } from './cache.ts';
import { program, run, type Output, type RunOptions } from './run.ts';
import { pythonPackages } from './versions.ts';

/** The folder of the virtual environment. */
export function pythonFolder(): string {
  return serviceFolder('python', pythonPackages);
}

/** The Python that has the pinned packages (`fastavro`, `paho-mqtt`, `asyncua`, `pymodbus`). */
export function pythonProgram(): string {
  const python = join(pythonFolder(), 'bin', 'python');
  if (!existsSync(python)) throw new Error('the Python environment is not installed: npm run services:setup');
  return python;
}

/** Makes the virtual environment. It is entered by its `python` alone, so it can be moved to its place when it is whole. Returns whether there was something to do. */
export function installPython(): Promise<boolean> {
  return installFolder({ folder: pythonFolder(), build: buildEnvironment, whole: importsPackages });
}

async function buildEnvironment(folder: string): Promise<void> {
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
  await run(join(folder, 'bin', 'python'), [...pip, ...pythonPackages], { limitMs: 300_000 });
  if (!(await importsPackages(folder))) throw new Error('the new Python environment cannot import its packages');
}

async function importsPackages(folder: string): Promise<boolean> {
  const python = join(folder, 'bin', 'python');
  if (!existsSync(python)) return false;
  const { code } = await run(python, ['-c', 'import fastavro, paho.mqtt.client, asyncua, pymodbus'], { anyCode: true });
  return code === 0;
}

/** Runs Python code, or a file whose name ends with `.py`, in the environment. */
export function runPython(
  script: string,
  args: readonly string[] = [],
  input: string | Uint8Array = '',
  options: RunOptions = {},
): Promise<Output> {
  const code = script.endsWith('.py') ? [script] : ['-c', script];
  return run(pythonProgram(), [...code, ...args], { limitMs: 120_000, ...options, input });
}
