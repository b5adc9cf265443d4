import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { open, stat, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { begin, type Belongings, freePort, type Target } from './target.ts';

const LINE = '.\n';

/**
 * mosquitto with `mosquitto_sub` writing a line for each message to a file: the fastest common way to take MQTT in. It acknowledges before anybody has the message and syncs
 * nothing. Undefined where mosquitto is not installed.
 */
export async function startMosquittoToFile(): Promise<Target | undefined> {
  const broker = findProgram('mosquitto');
  const subscriber = findProgram('mosquitto_sub');
  if (broker === undefined || subscriber === undefined) return undefined;
  return begin((belongings) => start(broker, subscriber, belongings));
}

async function start(broker: string, subscriber: string, belongings: Belongings): Promise<Target> {
  const folder = await belongings.folder();
  const port = await freePort();
  const config = path.join(folder, 'mosquitto.conf');
  await writeFile(config, `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n`);
  const server = belongings.process(spawn(broker, ['-c', config], { stdio: 'ignore' }));
  await accepts(port);
  const file = path.join(folder, 'messages');
  const output = await open(file, 'w');
  belongings.closing(() => output.close());
  const args = ['-h', '127.0.0.1', '-p', String(port), '-t', '#', '-q', '1', '-F', '.'];
  const sink = belongings.process(spawn(subscriber, args, { stdio: ['ignore', output.fd, 'inherit'] }));
  await subscribed(port, file, subscriber);
  const before = (await stat(file)).size;
  return {
    system: 'mosquitto+mosquitto_sub',
    port,
    pids: [server.pid ?? 0, sink.pid ?? 0],
    async queryable(messages, signal) {
      while ((await stat(file)).size - before < messages * LINE.length) await delay(20, undefined, { signal });
    },
    stop: () => belongings.end(),
  };
}

/** Path of a program, also where Debian puts servers. */
function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin'];
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
}

async function accepts(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const socket = net.connect(port, '127.0.0.1');
    const connected = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (connected) return;
    await delay(20);
  }
  throw new Error('mosquitto did not listen within 4 s');
}

/** Publishes until the subscriber has written the first line: from then on it gets everything. */
async function subscribed(port: number, file: string, subscriber: string): Promise<void> {
  const publisher = path.join(path.dirname(subscriber), 'mosquitto_pub');
  for (let tries = 0; tries < 100; tries++) {
    await once(
      spawn(publisher, ['-p', String(port), '-q', '1', '-t', 'ready', '-m', '1'], { stdio: 'ignore' }),
      'exit',
    );
    await delay(20);
    if ((await stat(file)).size > 0) return;
  }
  throw new Error('mosquitto_sub did not subscribe');
}
