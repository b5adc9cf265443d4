import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findProgram, program, run } from '../services/run.ts';
import { waitFor } from '../services/wait.ts';
import { missingRequirement, type Requirement } from '../services/require.ts';

const programs = ['mkfs.ext4', 'e2fsck', 'mount', 'umount'];

/** Whether this machine can make file systems: in CI it must. */
export function requireDisks(): Requirement {
  const missing = programs.filter((name) => findProgram(name) === undefined);
  if (process.platform !== 'linux' || missing.length > 0)
    return missingRequirement(`real disks that fail need Linux with ${missing.join(', ')}`);
  if (process.getuid?.() !== 0) return missingRequirement('real disks that fail need root: they are mounted');
  return { available: true, reason: '' };
}

/** A disk of its own: an ext4 file system in a file. Disposing of it unmounts it. */
export class SmallDisk implements AsyncDisposable {
  private readonly place = mkdtempSync(path.join(tmpdir(), 'millrace-disk-'));
  private readonly image = path.join(this.place, 'image');
  /** Where it is mounted. */
  readonly folder = path.join(this.place, 'disk');
  private readonly ballast = path.join(this.folder, 'ballast');

  async open(megabytes: number): Promise<this> {
    mkdirSync(this.folder);
    closeSync(openSync(this.image, 'w'));
    truncateSync(this.image, megabytes * 1024 * 1024);
    await run(program('mkfs.ext4'), ['-q', '-F', '-m', '0', this.image]);
    await this.mount();
    return this;
  }

  private async mount(): Promise<void> {
    await run(program('mount'), ['-o', 'loop', this.image, this.folder]);
  }

  /** Fills the disk with a file until so many bytes are free. */
  fill(leaveBytes: number): void {
    const fd = openSync(this.ballast, 'a');
    let size = 0;
    try {
      for (let piece = 1024 * 1024; piece >= 4096;) {
        try {
          size += writeSync(fd, Buffer.alloc(piece, 1));
        } catch (error) {
          if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
          piece /= 2;
        }
      }
      ftruncateSync(fd, Math.max(0, size - leaveBytes));
    } finally {
      closeSync(fd);
    }
  }

  /** Gives back what `fill` took. */
  empty(): void {
    rmSync(this.ballast);
  }

  /**
   * What the system does when a file system fails: it is read-only from now on, also for files that are open. The process that writes stands still in this moment: a sync that
   * is under way may report success and lose what it spoke of (Linux 6.18: a bare loop of write and fdatasync lost one of its last records in 1 of 24 aborts, with four at a time).
   */
  async abort(pid: number): Promise<void> {
    process.kill(pid, 'SIGSTOP');
    try {
      await waitFor('the process stands still', () => threadStates(pid).every((state) => state === 'T'));
      await run(program('mount'), ['-o', 'remount,abort', this.folder]);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  }

  /** Checks the file system as after a failure, and mounts it again. Nobody may use it meanwhile. */
  async repair(): Promise<void> {
    await run(program('umount'), [this.folder]);
    const { code, stdout } = await run(program('e2fsck'), ['-f', '-y', this.image], { anyCode: true });
    // 1: errors were corrected.
    if (code > 1) throw new Error(`e2fsck: ${stdout.toString('utf8')}`);
    await this.mount();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(program('umount'), ['-l', this.folder]);
    rmSync(this.place, { recursive: true });
  }
}

/** States of the threads of a process, as in proc_pid_stat(5). */
function threadStates(pid: number): (string | undefined)[] {
  const tasks = readdirSync(`/proc/${pid}/task`);
  // The name in front of the state may have brackets and spaces of its own.
  return tasks.map((task) => readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8').split(') ').at(-1)?.[0]);
}
