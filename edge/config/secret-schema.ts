import { z } from 'zod';

const SECRET = '`{ env: NAME }` or `{ file: PATH }`';

const text = z.string(SECRET).min(1, SECRET).max(1024, SECRET);

/** A secret: where it is to be read, never itself (`edge/core/secret.ts` reads it). */
export const secret = z.union(
  [
    z.strictObject({ env: text.describe('Name of an environment variable.') }),
    z.strictObject({ file: text.describe('Path of a file that holds nothing else.') }),
  ],
  SECRET,
);
