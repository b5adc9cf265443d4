import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { Scenario } from '../scenario.ts';
import { Times } from './system.ts';

/** Name of the bare disk in results. */
export const DISK = 'disk';

const PAGE_BYTES = 4096;
const FILE_BYTES = 4 * 1024 * 1024;
const SECONDS = 1;

/** 4 KiB and fdatasync, again and again, in a file that was filled with zeros before: what the disk can do by itself, without a file system that has to make room. */
export const bareDisk: Scenario = {
  title: 'disk: bare 4 KiB writes with fdatasync',
  measure({ folder, figures }) {
    const fd = openSync(path.join(folder, 'pages'), 'w');
    const times = new Times();
    try {
      writeSync(fd, new Uint8Array(FILE_BYTES));
      fdatasyncSync(fd);
      const page = new Uint8Array(PAGE_BYTES).fill(1);
      const untilMs = performance.now() + SECONDS * 1000;
      for (let position = 0; performance.now() < untilMs; position = (position + PAGE_BYTES) % FILE_BYTES) {
        const startMs = performance.now();
        writeSync(fd, page, 0, PAGE_BYTES, position);
        fdatasyncSync(fd);
        times.add(performance.now() - startMs);
      }
    } finally {
      closeSync(fd);
    }
    figures.noteTimes(DISK, 'write_4k.ms', 'ms', times.all());
    return Promise.resolve();
  },
};
