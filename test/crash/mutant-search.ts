import { Life } from './life.ts';
import { newResult, Search } from './search.ts';

const EXAMINED = 8_000;
const LIVES = 500;

/** A small search: what may be left of some disks, then some lives in which somebody spoils indexes. Returns what was found. */
function search(): string | undefined {
  const result = newResult();
  let seed = 1;
  try {
    for (; result.examined < EXAMINED; seed++)
      new Search(seed, { steps: 60, imagesPerCall: 3, interruptOneIn: 30 }, result).run();
    for (seed = 1; seed <= LIVES; seed++) {
      const life = new Life({ seed, meddling: true });
      for (let i = 0; i < 100; i++) life.step();
      life.finish();
    }
    return undefined;
  } catch (error) {
    const [message] = String(error).split('\n');
    return `seed ${seed}, ${result.examined} images: ${message}`;
  }
}

process.stdout.write(JSON.stringify({ found: search() ?? null }));
