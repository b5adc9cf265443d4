import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { errnoOf, Fault, messageOf } from '../core/fault.ts';
import { listens } from './liveness.ts';
import { shortFolder, type ShortFolder } from './socket-path.ts';

/** The door of the running gateway: commands talk to it here. */
export const SOCKET_NAME = 'gateway.sock';

/** Name of a claim: `gateway.sock.<pid>-<16 hex digits>`. */
const CLAIM = /^gateway\.sock\.(\d+)-[0-9a-f]{16}$/;
const LONGEST_NAME = 'gateway.sock.4194304-0123456789abcdef.new'.length;
/** Room for the tags of a history request, as on TCP. */
const MAX_HEADER_BYTES = 64 * 1024;
/** How long a claim waits for another one to become the owner or to withdraw. */
const CLAIM_LIMIT_MS = 5000;

/**
 * One gateway per data folder, without a lock that could be left behind: the lock is a listening unix socket, and the kernel lets go of it with its process.
 *
 * Each process that wants the folder first publishes a claim: a socket of its own, under a name that is never used again, which it gets only once it listens. Then it looks
 * at all claims. Those that nobody listens on are dead for good and are removed. If another one is alive, it withdraws; if none is, it owns the folder, and its socket gets
 * the name `gateway.sock` as well. Both publish before they look, so of two at least one sees the other: there are never two owners. Of several claims that see each other
 * the one with the lowest name waits, the others withdraw: there is always one.
 */
export class DataLock {
  readonly dataFolder: string;
  /** Serves whoever connects to `gateway.sock`. */
  readonly server: Server;
  private readonly folder: ShortFolder;
  private readonly claim: string;
  private handler: RequestListener = unavailable;

  private constructor(dataFolder: string, folder: ShortFolder, claim: string) {
    this.dataFolder = dataFolder;
    this.folder = folder;
    this.claim = claim;
    this.server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) =>
      this.handler(request, response),
    );
    this.server.maxConnections = 256;
  }

  /** Takes the data folder, which is made if it is missing. Throws `gateway-running` with the pid of the process that has it, `file-unwritable`. */
  static async take(dataFolder: string): Promise<DataLock> {
    const absolute = path.resolve(dataFolder);
    try {
      await fs.mkdir(absolute, { recursive: true, mode: 0o750 });
      const claim = `${SOCKET_NAME}.${process.pid}-${randomBytes(8).toString('hex')}`;
      const lock = new DataLock(absolute, shortFolder(absolute, LONGEST_NAME), claim);
      try {
        await lock.publish();
        await lock.settle();
        return lock;
      } catch (error) {
        await lock.release();
        throw error;
      }
    } catch (error) {
      if (error instanceof Fault) throw error;
      throw new Fault('file-unwritable', `${absolute}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** From now on requests to `gateway.sock` are answered by this; before, with 503. */
  serve(handler: RequestListener): void {
    this.handler = handler;
  }

  /** Gives the data folder back. Requests under way are cut off. */
  async release(): Promise<void> {
    const door = path.join(this.dataFolder, SOCKET_NAME);
    if ((await inodeOf(door)) === (await inodeOf(this.claimFile()))) await fs.rm(door, { force: true });
    await fs.rm(this.claimFile(), { force: true });
    if (this.server.listening) {
      this.server.closeAllConnections();
      this.server.close();
      await once(this.server, 'close');
    }
    this.folder.close();
  }

  private claimFile(): string {
    return path.join(this.dataFolder, this.claim);
  }

  private async publish(): Promise<void> {
    const unheard = `${this.claim}.new`;
    // The socket is bound within `listen`: nobody but this user may ever connect, not even between bind and chmod.
    const umask = process.umask(0o177);
    try {
      this.server.listen({ path: this.folder.addressOf(unheard) });
    } finally {
      process.umask(umask);
    }
    await once(this.server, 'listening');
    await fs.rename(path.join(this.dataFolder, unheard), this.claimFile());
  }

  private async settle(): Promise<void> {
    const end = performance.now() + CLAIM_LIMIT_MS;
    for (;;) {
      const rivals = await this.livingRivals();
      const [first] = rivals;
      if (first === undefined) return this.openDoor();
      const owner = await this.ownerOf(rivals);
      if (owner !== undefined) throw running(this.dataFolder, owner);
      // All are claims that have not settled yet: the lowest name stays.
      if (rivals.some((rival) => rival < this.claim)) throw running(this.dataFolder, first);
      if (performance.now() > end) throw running(this.dataFolder, first);
      await pause(10);
    }
  }

  /** Claims of others that somebody listens on; dead ones are removed. */
  private async livingRivals(): Promise<string[]> {
    const rivals: string[] = [];
    for (const name of await fs.readdir(this.dataFolder)) {
      if (!CLAIM.test(name) || name === this.claim) continue;
      if (await listens(this.folder.addressOf(name))) rivals.push(name);
      else await fs.rm(path.join(this.dataFolder, name), { force: true });
    }
    return rivals;
  }

  private async ownerOf(rivals: readonly string[]): Promise<string | undefined> {
    const door = await inodeOf(path.join(this.dataFolder, SOCKET_NAME));
    if (door === undefined) return undefined;
    for (const rival of rivals) if ((await inodeOf(path.join(this.dataFolder, rival))) === door) return rival;
    return undefined;
  }

  /** Gives the socket the name `gateway.sock`, in place of what a dead owner left. Only the owner does this. */
  private async openDoor(): Promise<void> {
    const beside = path.join(this.dataFolder, `${this.claim}.new`);
    await fs.link(this.claimFile(), beside);
    await fs.rename(beside, path.join(this.dataFolder, SOCKET_NAME));
    await this.removeAbandoned();
  }

  /** Sockets of processes that died before they listened: nothing takes a minute. */
  private async removeAbandoned(): Promise<void> {
    for (const name of await fs.readdir(this.dataFolder)) {
      if (!name.endsWith('.new') || !CLAIM.test(name.slice(0, -'.new'.length))) continue;
      const file = path.join(this.dataFolder, name);
      if ((await ageOf(file)) > 60_000) await fs.rm(file, { force: true });
    }
  }
}

/** How long ago a file was made, ms; 0 if it has another name by now. */
async function ageOf(file: string): Promise<number> {
  try {
    return Date.now() - (await fs.stat(file)).mtimeMs;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 0;
    throw error;
  }
}

async function inodeOf(file: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await fs.stat(file, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function running(folder: string, claim: string): Fault {
  const pid = CLAIM.exec(claim)?.[1] ?? 'unknown';
  return new Fault('gateway-running', `Process ${pid} has ${folder}.`);
}

/** What a gateway answers that has taken its data and does not serve yet. */
const unavailable: RequestListener = (_request, response) => {
  response.writeHead(503, { 'content-type': 'application/problem+json', 'retry-after': '1' });
  response.end(
    JSON.stringify({
      type: 'urn:millrace:error:not-ready',
      title: 'The part that answers this is not ready.',
      status: 503,
      detail: `The gateway (process ${process.pid}) is starting.`,
    }),
  );
};
