import { expect, test } from 'vitest';
import type { BenchReport } from '../bench/report.ts';
import { benchText, figure } from './bench-text.ts';

const report: BenchReport = {
  machine: { cpu: 'A CPU', cores: 2, memoryGiB: 23.5, os: 'Linux 6.1 x64', node: 'v24.0.0' },
  systems: [
    { system: 'millrace', promises: 'on the disk' },
    { system: 'kafka-flush', promises: 'on the disk too' },
    { system: 'sqlite', promises: 'not measured' },
    { system: 'disk', promises: 'bare writes' },
  ],
  conditions: ['A sample is a double.', `${'Long words make long lines. '.repeat(6)}The end.`],
  results: [
    { name: 'log.append.records_per_s', system: 'millrace', value: 12_345_678, unit: 'samples/s' },
    { name: 'log.append.records_per_s', system: 'kafka-flush', value: 901.23, unit: 'samples/s' },
    { name: 'log.write_4k.ms_p50', system: 'disk', value: 0.11278, unit: 'ms' },
  ],
};

test('systems stand side by side, a line a figure, with what each promises above', () => {
  expect(benchText(report)).toBe(`A CPU, 2 cores, 23.5 GiB, Linux 6.1 x64, Node v24.0.0

A sample is a double.
Long words make long lines. Long words make long lines. Long words make long lines. Long words make long lines. Long
words make long lines. Long words make long lines. The end.

system       when it acknowledges
millrace     on the disk
kafka-flush  on the disk too
sqlite       not measured
disk         bare writes

figure                      millrace  kafka-flush    disk  unit
log.append.records_per_s  12,350,000        901.2          samples/s
log.write_4k.ms_p50                                0.1128  ms
`);
});

test.each([
  [48051.4, '48,050'],
  [0.773149, '0.7731'],
  [158, '158'],
  [0, '0'],
])('a figure for people: %d is %s', (value, text) => {
  expect(figure(value)).toBe(text);
});
