import { readFile } from 'node:fs/promises';
import { Fault } from './fault.ts';

/** A secret: never itself part of a configuration. Read whenever it is needed, so that a new one counts without a restart. */
export type Secret = { readonly env: string } | { readonly file: string };

/** The text of a secret; of a file without the line end behind it. Throws `secret-missing`. */
export async function readSecret(secret: Secret): Promise<string> {
  if ('env' in secret) {
    const text = process.env[secret.env];
    if (text === undefined || text === '') throw new Fault('secret-missing', `Environment variable ${secret.env}.`);
    return text;
  }
  try {
    return (await readFile(secret.file, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    throw new Fault('secret-missing', `File ${secret.file}.`, { cause: error });
  }
}
