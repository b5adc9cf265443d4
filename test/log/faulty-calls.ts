import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { missingRequirement, type Requirement } from '../services/require.ts';
import { findProgram, program, run } from '../services/run.ts';

/** Whether a process here can be given faulty system calls: in CI it must. */
export function requireFaultyCalls(): Requirement {
  if (process.platform === 'linux' && findProgram('gcc') !== undefined) return { available: true, reason: '' };
  return missingRequirement('faulty system calls need Linux and gcc');
}

const errnos = { EIO: 5, ENOSPC: 28 };

/** System calls that fail on demand, in the processes that this one starts meanwhile (`faulty-calls.c`). Disposing of it makes later ones sound again. */
export class FaultyCalls implements Disposable {
  private readonly library: string;
  private readonly control: string;

  /** `folder`: is there, and takes the library. */
  constructor(folder: string) {
    this.library = path.join(folder, 'faulty-calls.so');
    this.control = path.join(folder, 'faulty-calls');
  }

  /** Compiles the library, and has it loaded by what is started from now on. */
  async open(): Promise<this> {
    const source = path.join(import.meta.dirname, 'faulty-calls.c');
    await run(program('gcc'), ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', this.library, source, '-ldl']);
    process.env['LD_PRELOAD'] = this.library;
    process.env['FAULTY_CALLS'] = this.control;
    return this;
  }

  /** From now on these calls fail on files whose path has this part. */
  set(call: 'write' | 'sync', part: string, errno: keyof typeof errnos): void {
    writeFileSync(this.control, `${call} ${part} ${errnos[errno]}\n`);
  }

  clear(): void {
    rmSync(this.control, { force: true });
  }

  [Symbol.dispose](): void {
    delete process.env['LD_PRELOAD'];
    delete process.env['FAULTY_CALLS'];
  }
}
