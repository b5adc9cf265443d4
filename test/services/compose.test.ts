import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { kafkaVersion, questdbVersion } from './versions.ts';

const service = z.object({ image: z.string(), ports: z.array(z.string()) });
const text = readFileSync(join(import.meta.dirname, '..', '..', 'compose.yaml'), 'utf8');
const { services } = z.object({ services: z.record(z.string(), service) }).parse(parse(text));

test('compose.yaml starts the same versions as the tests', () => {
  expect(services).toMatchObject({
    kafka: { image: `apache/kafka:${kafkaVersion}` },
    questdb: { image: `questdb/questdb:${questdbVersion}` },
    mosquitto: { image: expect.stringMatching(/^eclipse-mosquitto:2\./) as string },
  });
});

test('every port is on loopback and none is one that the gateway itself listens on', () => {
  const ports = Object.values(services).flatMap((one) => one.ports);
  expect(ports.length).toBeGreaterThanOrEqual(3);
  expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  expect(ports.map((port) => Number(port.split(':')[1])).filter((port) => [1883, 8080, 9092].includes(port))).toEqual(
    [],
  );
});
