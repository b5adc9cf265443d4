import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { findProgram } from './run.ts';
import { grafanaFile } from './grafana.ts';
import { kafkaFolder } from './kafka-jars.ts';
import { pythonFolder } from './python.ts';
import { prometheusTsdbFile } from './prometheus-tsdb.ts';
import { questdbFolder } from './questdb.ts';
import { versitygwFile } from './s3.ts';
import { victoriaFile } from './victoria.ts';

/** Whether something that tests need is there, as `describe.skipIf(!kafka.available)` wants it. */
export interface Requirement {
  readonly available: boolean;
  /** What is missing and how to get it; empty when it is there. */
  readonly reason: string;
}

export type Service = 'chromium' | 'grafana' | 'kafka' | 'kcat' | 'mosquitto' | 'python' | 'questdb' | 's3' | 'tables';

/** The programs and folders that each service stands on. */
const parts: Record<Service, { readonly programs: readonly string[]; readonly folder?: () => string }> = {
  chromium: { programs: ['chromium'] },
  grafana: { programs: [], folder: grafanaFile },
  kafka: { programs: ['java'], folder: kafkaFolder },
  kcat: { programs: ['kcat'] },
  mosquitto: { programs: ['mosquitto', 'mosquitto_pub', 'mosquitto_sub'] },
  python: { programs: [], folder: () => pythonFolder() },
  questdb: { programs: ['java'], folder: questdbFolder },
  s3: { programs: [], folder: versitygwFile },
  tables: { programs: [], folder: () => pythonFolder('tables') },
};

/** Stores that ours is measured beside, by the file in this folder that builds them. */
const rivals = { 'prometheus-tsdb': prometheusTsdbFile, victoria: victoriaFile };

/**
 * Whether the services are installed. In CI (`CI=true`) one that is missing is an error; on a user's machine it is said once, and the caller skips.
 * Throws in CI only.
 */
export function requireService(...services: readonly Service[]): Requirement {
  const missing = services.flatMap(missingParts);
  if (missing.length === 0) return { available: true, reason: '' };
  return missingRequirement(`${missing.join(', ')}: not installed; npm run services:setup installs it`);
}

/** Whether a rival is built. One that is missing is a skip in CI too: whoever measures beside it builds it. */
export function requireRival(rival: keyof typeof rivals): Requirement {
  if (existsSync(rivals[rival]())) return { available: true, reason: '' };
  return skipped(`${rival}: not built; npx node test/services/${rival}.ts builds it`);
}

/** A folder of recorded data, such as `skab`, out of `MILLRACE_TEST_DATA`, else of `../shared/data` beside the project. Missing: as `requireService`. */
export function testData(name: string): Requirement & { readonly folder: string } {
  const root = resolve(import.meta.dirname, '..', '..');
  const named = process.env['MILLRACE_TEST_DATA'];
  const parent = named === undefined || named === '' ? join(root, '..', 'shared', 'data') : resolve(named);
  const folder = join(parent, name);
  if (existsSync(folder)) return { available: true, reason: '', folder };
  const reason = `no recorded data in ${folder}: set MILLRACE_TEST_DATA to the folder that holds ${name}`;
  return { ...missingRequirement(reason), folder };
}

function missingParts(service: Service): string[] {
  const { programs, folder } = parts[service];
  const absent = programs.filter((name) => findProgram(name) === undefined);
  return folder === undefined || existsSync(folder()) ? absent : [...absent, service];
}

const said = new Set<string>();

/** Something that tests need is not there: an error in CI, elsewhere said once. */
export function missingRequirement(reason: string): Requirement {
  if (process.env['CI'] === 'true') throw new Error(reason);
  return skipped(reason);
}

function skipped(reason: string): Requirement {
  if (!said.has(reason)) process.stderr.write(`skipped: ${reason}\n`);
  said.add(reason);
  return { available: false, reason };
}
