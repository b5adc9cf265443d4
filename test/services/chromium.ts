import { type Browser, chromium } from 'playwright-core';
import { program } from './run.ts';

/** Debian's Chromium without a window. Disposing of it ends the process. */
export function startChromium(): Promise<Browser> {
  // Root may not use the sandbox, containers have little shared memory, and no test machine has a graphics card.
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'];
  return chromium.launch({ executablePath: program('chromium'), args });
}
