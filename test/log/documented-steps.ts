import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { kafkaClassPath } from '../services/kafka-jars.ts';
import { run, type Output } from '../services/run.ts';

const root = path.resolve(import.meta.dirname, '..', '..');

/** Commands by the names that users know, made from the jars and the checkout. */
const programs = (): Record<string, string> => {
  const java = `exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp '${kafkaClassPath()}'`;
  return {
    'kafka-topics.sh': `${java} org.apache.kafka.tools.TopicCommand "$@"`,
    'kafka-get-offsets.sh': `${java} org.apache.kafka.tools.GetOffsetShell "$@"`,
    millrace: `exec '${process.execPath}' '${path.join(root, 'edge', 'millrace.js')}' "$@"`,
  };
};

/** The shell blocks of a page, run as they stand there: what is tried is what users read. */
export class DocumentedSteps {
  private readonly text: string;
  private readonly bin: string;
  private readonly env: Readonly<Record<string, string>>;

  /** `page`: in `docs/`. `env`: the variables that the page speaks of. Puts the programs into `bin`, which it makes. */
  constructor(page: string, bin: string, env: Readonly<Record<string, string>>) {
    this.text = readFileSync(path.join(root, 'docs', page), 'utf8');
    this.bin = bin;
    this.env = { ...env, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
  }

  prepare(): this {
    mkdirSync(this.bin);
    for (const [name, line] of Object.entries(programs())) {
      writeFileSync(path.join(this.bin, name), `#!/bin/sh\n${line}\n`);
      chmodSync(path.join(this.bin, name), 0o755);
    }
    return this;
  }

  /** Runs the block that begins with ```` ```sh <name> ````. Rejects where it fails. */
  run(name: string): Promise<Output> {
    const block = new RegExp(`^\`\`\`sh ${name}\\n([^]*?)^\`\`\`$`, 'm').exec(this.text)?.[1];
    if (block === undefined) throw new Error(`the page has no block ${name}`);
    return run('/bin/sh', ['-e', '-c', block], { env: this.env, limitMs: 180_000 });
  }
}
