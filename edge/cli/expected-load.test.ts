import { expect, test } from 'vitest';
import { checkConfig } from '../config/check.ts';
import type { Config } from '../config/schema.ts';
import { expectedLoad } from './expected-load.ts';

/** The load of connectors as they stand in a configuration. */
function loadOf(connectors: string) {
  const { config, problems } = checkConfig(`version: 1\nsite: plant\nconnectors:\n${connectors}`, 'x.yaml', '/');
  expect(problems).toBeUndefined();
  return expectedLoad(config as unknown as Config);
}

test.each([
  ['no connectors', '  []\n', { tags: 0, samplesPerSecond: 0, assumedTags: 0, uncounted: [] }],
  [
    'nodes at their sampling interval',
    '  - { name: press, kind: opcua, endpoints: ["opc.tcp://h:1"], defaults: { sampling: 250ms }, nodes: [{ id: "nsu=u;s=a", tag: a/b }, { id: "nsu=u;s=c", tag: a/c }] }\n',
    { tags: 2, samplesPerSecond: 8, assumedTags: 0, uncounted: [] },
  ],
  [
    'nodes that send each change, and what is browsed',
    '  - { name: press, kind: opcua, endpoints: ["opc.tcp://h:1"], defaults: { sampling: 0ms }, browse: {}, nodes: [{ id: "nsu=u;s=a", tag: a/b }] }\n',
    { tags: 1, samplesPerSecond: 1, assumedTags: 1, uncounted: ['press'] },
  ],
  [
    'topics of which each is a tag or several, and one of any number',
    '  - name: floor\n    kind: mqtt-broker\n    topics:\n      - { match: a/b, tag: a/b, value: $.v }\n      - { match: c, prefix: c, fields: { $.x: { tag: x }, $.y: { tag: y } } }\n      - { match: "#" }\n',
    { tags: 3, samplesPerSecond: 3, assumedTags: 3, uncounted: ['floor'] },
  ],
])('%s', (_name, connectors, expected) => {
  expect(loadOf(connectors)).toEqual(expected);
});

test('points of a device in the interval of their group, once for each unit', () => {
  const point = { table: 'holding', address: 1 } as const;
  const device = { groups: { fast: 100, slow: 10_000 }, points: { a: point, b: { ...point, group: 'slow' } } };
  const connectors = [
    { kind: 'modbus', name: 'pumps', units: [1, 2, 3].map((id) => ({ id, asset: 'a', device })) },
  ] as unknown as Config['connectors'];
  const { samplesPerSecond, ...counts } = expectedLoad({ connectors });
  expect(samplesPerSecond).toBeCloseTo(30.3, 9);
  expect(counts).toEqual({ tags: 6, assumedTags: 0, uncounted: [] });
});
