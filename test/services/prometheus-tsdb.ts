import { join } from 'node:path';
import { type GoProgram, goFile, installGo } from './go-program.ts';
import { prometheusModule } from './versions.ts';

const prometheusTsdb: GoProgram = {
  name: 'prometheus-tsdb',
  module: prometheusModule,
  package: { file: join(import.meta.dirname, '../../edge/bench/historian/rivals/prometheus-tsdb/main.go') },
};

/** The program around Prometheus's storage, whether it is installed or not. */
export function prometheusTsdbFile(): string {
  return goFile(prometheusTsdb);
}

/** Builds it; a minute the first time. Returns whether there was something to do. */
function installPrometheusTsdb(): Promise<boolean> {
  return installGo(prometheusTsdb);
}

/** Run as a program (`npx node test/services/prometheus-tsdb.ts`): builds it where need be and prints where it lies, for `millrace bench historian --prometheus-tsdb`. */
if (import.meta.main) {
  await installPrometheusTsdb();
  process.stdout.write(`${prometheusTsdbFile()}\n`);
}
