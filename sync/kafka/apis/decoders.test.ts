import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fault } from '../../../edge/core/fault.ts';
import { type Api, decodeResponse, encodeRequest } from '../protocol/api.ts';
import { apiVersions } from './api-versions.ts';
import { createTopics } from './create-topics.ts';
import { deleteTopics } from './delete-topics.ts';
import { describeConfigs } from './describe-configs.ts';
import { fetch } from './fetch.ts';
import { findCoordinator } from './find-coordinator.ts';
import { initProducerId } from './init-producer-id.ts';
import { listOffsets } from './list-offsets.ts';
import { metadata } from './metadata.ts';
import { produce } from './produce.ts';

const apis: readonly Api<never, unknown>[] = [
  apiVersions,
  createTopics,
  deleteTopics,
  describeConfigs,
  fetch,
  findCoordinator,
  initProducerId,
  listOffsets,
  metadata,
  produce,
];
const everyVersion = apis.flatMap((api) =>
  Array.from({ length: api.max - api.min + 1 }, (_, index) => ({ api, name: api.name, version: api.min + index })),
);

/** Bytes that look more like a response than noise does: small numbers in four bytes, short strings, zeros. */
const plausible = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.integer({ min: -1, max: 3 }).map((count) => Uint8Array.of(count >> 8, count >> 8, count >> 8, count)),
      fc.nat(20).map((length) => new Uint8Array(length)),
      fc.nat(6).map((length) => Uint8Array.of(0, length, ...new Uint8Array(length).fill(0x61))),
    ),
    { maxLength: 60 },
  )
  .map((parts) => Buffer.concat(parts));

describe.each(everyVersion)('$name version $version', ({ api, version }) => {
  test('any bytes end in values or in the fault kafka-protocol', () => {
    let faults = 0;
    fc.assert(
      fc.property(fc.oneof(plausible, fc.uint8Array({ maxLength: 400 })), (frame) => {
        try {
          decodeResponse(api, version, frame);
        } catch (error) {
          if (!(error instanceof Fault) || error.code !== 'kafka-protocol') throw error;
          faults++;
        }
      }),
      { numRuns: 150 },
    );
    expect(faults).toBeGreaterThan(0);
  });

  test('megabytes of any one byte are refused or read within the bound', () => {
    const start = performance.now();
    for (const byte of [0, 1, 2, 0x7f, 0x80, 0xff]) {
      const frame = new Uint8Array(4 * 1024 * 1024).fill(byte);
      expect(() => decodeResponse(api, version, frame)).toThrow(Fault);
    }
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

const unspaced = (hex: string): string => hex.replaceAll(' ', '');

test('a request is framed with its size, key, version, correlation id and client id', () => {
  const request = { transactionalId: 'link', transactionTimeoutMs: 1000 };
  const hex = (version: number): string =>
    Buffer.from(encodeRequest(initProducerId, version, 7, 'edge', request)).toString('hex');
  // size, key 22, version, correlation id 7, "edge", [tags,] "link", 1000 ms, [producer id -1, epoch -1, tags]
  expect(hex(0)).toBe(unspaced('00000018 0016 0000 00000007 000465646765 00046c696e6b 000003e8'));
  expect(hex(4)).toBe(
    unspaced('00000023 0016 0004 00000007 000465646765 00 056c696e6b 000003e8 ffffffffffffffff ffff 00'),
  );
});

test('an answer with error 35 is read in the form of version 0, whatever was asked', () => {
  const frame = Buffer.from(unspaced('00000001 0023 00000001 0012 0000 0003'), 'hex');
  expect(decodeResponse(apiVersions, 3, frame)).toEqual({ errorCode: 35, ranges: [{ key: 18, min: 0, max: 3 }] });
});
