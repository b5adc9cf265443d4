import { existsSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { findProgram, run } from './run.ts';
import { leastVersions } from './versions.ts';

/** A program that the distribution brings. */
interface Wanted {
  readonly program: string;
  readonly debian: string;
  readonly flags: readonly string[];
  /** The least major version, where one is asked for. */
  readonly least?: number;
  /** Flags with which it must exit with 0, where its being there is not enough. */
  readonly probe?: readonly string[];
}

const wanted: readonly Wanted[] = [
  { program: 'java', debian: 'default-jdk-headless', flags: ['-version'], least: leastVersions.java },
  { program: 'javac', debian: 'default-jdk-headless', flags: ['-version'], least: leastVersions.java },
  { program: 'mvn', debian: 'maven', flags: ['--version'] },
  { program: 'python3', debian: 'python3-venv', flags: ['--version'], probe: ['-c', 'import ensurepip, venv'] },
  { program: 'kcat', debian: 'kcat', flags: ['-V'], least: leastVersions.kcat },
  { program: 'chromium', debian: 'chromium', flags: ['--version'], least: leastVersions.chromium },
  { program: 'mosquitto', debian: 'mosquitto', flags: ['-h'], least: leastVersions.mosquitto },
  { program: 'mosquitto_pub', debian: 'mosquitto-clients', flags: ['--version'] },
  { program: 'mosquitto_sub', debian: 'mosquitto-clients', flags: ['--version'] },
  // What `npm run native:setup` builds with.
  { program: 'g++', debian: 'g++', flags: ['--version'] },
  { program: 'pip3', debian: 'python3-pip', flags: ['--version'] },
];

/** Installs what is missing with apt where that is possible (Debian, root); else throws with the command that the user has to give. */
export async function installPrograms(say: (line: string) => void): Promise<void> {
  const packages = await missingPackages();
  if (packages.length > 0) await installPackages(packages, say);
  const left = await missingPackages();
  if (left.length > 0) throw new Error(`still missing after the installation: ${left.join(', ')}`);
  for (const one of wanted) say(`${one.program} ${await checkedVersion(one)}`);
}

async function missingPackages(): Promise<string[]> {
  const there = await Promise.all(wanted.map(isThere));
  return [...new Set(wanted.filter((_, index) => there[index] !== true).map((one) => one.debian))];
}

async function isThere(one: Wanted): Promise<boolean> {
  const path = findProgram(one.program);
  if (path === undefined || one.probe === undefined) return path !== undefined;
  return (await run(path, one.probe, { anyCode: true })).code === 0;
}

async function installPackages(packages: readonly string[], say: (line: string) => void): Promise<void> {
  const apt = findProgram('apt-get');
  if (apt === undefined) throw new Error(`install these programs (Debian's names): ${packages.join(' ')}`);
  if (process.getuid?.() !== 0)
    throw new Error(`not root: sudo apt-get install --no-install-recommends ${packages.join(' ')}`);
  const flags = ['-q', '-o', 'DPkg::Lock::Timeout=900', '-o', 'Acquire::Retries=3'];
  const options = { limitMs: 1_200_000, env: { DEBIAN_FRONTEND: 'noninteractive' } };
  say('apt-get update');
  await run(apt, [...flags, 'update'], options);
  say(`apt-get install ${packages.join(' ')}`);
  await run(apt, [...flags, 'install', '-y', '--no-install-recommends', ...packages], options);
  if (packages.includes('mosquitto')) await stopMosquittoService(say);
}

/** Debian's package makes mosquitto a service on port 1883, where a gateway's own broker listens. Nobody asked for that: tests start their own. */
async function stopMosquittoService(say: (line: string) => void): Promise<void> {
  const systemctl = findProgram('systemctl');
  if (systemctl !== undefined) {
    // Without a running systemd only the link for the next start can be removed.
    const now = existsSync('/run/systemd/system') ? ['--now'] : [];
    await run(systemctl, ['disable', ...now, 'mosquitto'], { anyCode: true });
  }
  const service = findProgram('service');
  if (service !== undefined) await run(service, ['mosquitto', 'stop'], { anyCode: true });
  say('the system service mosquitto that came with the package is stopped and disabled: tests start their own');
}

async function checkedVersion(one: Wanted): Promise<string> {
  const path = findProgram(one.program) ?? one.program;
  const { stdout, stderr } = await run(path, one.flags, { anyCode: true });
  const text = stripVTControlCharacters(stdout.toString('utf8') + stderr);
  const version = (/\d+(?:\.\d+)+/.exec(text) ?? /\d+/.exec(text))?.[0] ?? 'of unknown version';
  if (one.least !== undefined && !(Number.parseInt(version, 10) >= one.least)) {
    throw new Error(`${one.program} ${version} is too old: ${one.least} or newer is needed`);
  }
  return version;
}
