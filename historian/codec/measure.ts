import { ByteWriter } from '../../edge/core/byte-writer.ts';
import { decodeBlock, writeBlock } from '../files/block.ts';
import { EntryWriter } from './entry-writer.ts';
import { BLOCK_POINTS } from '../limits.ts';
import { Points } from '../points/points.ts';
import { block, digital, float32, type LogOrder, noisy, type SignalClass, twoDecimals } from './generated.ts';
import { writeOffsets } from './offsets.ts';
import { writeNumbers } from './slots.ts';
import { writeTimes } from './times.ts';

/** Prints what a point takes in each column of blocks of generated data, and how fast they are coded: `node historian/codec/measure.ts [blocks] [scan|time] [samples of a block]`. CPU time of one thread, median of rounds. */

/** Bytes a point that no code can go below: log2(41) for the time, and the entropy of the class. */
const FLOORS = new Map([
  ['digital', 0.67],
  ['two-decimal', 1.18],
  ['noisy', 6.84],
]);
/** Tags of each class in the mix. */
const MIX = [
  { of: digital, share: 0.2 },
  { of: twoDecimals, share: 0.5 },
  { of: noisy, share: 0.3 },
];
const ROUNDS = 7;
const ROUND_POINTS = 1_000_000;

/** Bytes a point of each column. */
interface Sizes {
  readonly times: number;
  readonly offsets: number;
  readonly values: number;
  /** What stands of a block in the index of its series. */
  readonly index: number;
  readonly all: number;
}

function sizesOf(of: SignalClass, blocks: readonly Points[]): Sizes {
  const out = new ByteWriter();
  const bytes = (write: (points: Points) => void): number => {
    out.reset();
    for (const points of blocks) write(points);
    return out.length / (blocks.length * size);
  };
  const times = bytes((points) => writeTimes(out, points.times, points.count));
  const offsets = bytes((points) => writeOffsets(out, points.offsets, points.times, points.count));
  const values = bytes((points) => writeNumbers(out, of.kind, points, points.count));
  const columns = bytes((points) => writeBlock(out, points, 0, points.count));
  const body = new ByteWriter();
  const entries = new EntryWriter(blocks[0]?.times[0] ?? 0);
  const index = bytes((points) => entries.write(out, writeBlock(body, points, 0, points.count)));
  return { times, offsets, values, index, all: columns + index };
}

/** Millions of points a second of CPU time, the median of some rounds. */
function speedOf(run: () => number): number {
  const speeds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.cpuUsage();
    let points = 0;
    while (points < ROUND_POINTS) points += run();
    const { user, system } = process.cpuUsage(start);
    speeds.push(points / (user + system));
  }
  return speeds.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? 0;
}

/** The i-th block of a series. */
function behind(points: Points, i: number): Points {
  for (let row = 0; row < points.count; row++) {
    points.times[row] = (points.times[row] ?? 0) + i * size * 1_000_000;
    points.offsets[row] = (points.offsets[row] ?? 0) + i * size * 1000;
  }
  return points;
}

function measure(of: SignalClass, count: number, order: LogOrder): Sizes {
  const blocks = Array.from({ length: count }, (_, i) => behind(block(of, i + 1, order, size), i));
  const sizes = sizesOf(of, blocks);
  const out = new ByteWriter();
  const encode = speedOf(() => {
    out.reset();
    for (const points of blocks) writeBlock(out, points, 0, points.count);
    return blocks.length * size;
  });
  const coded = blocks.map((points) => {
    out.reset();
    const { summary, leastOffset, greatestOffset, block: written } = writeBlock(out, points, 0, points.count);
    const { firstUs, lastUs } = summary;
    const key = { count: size, firstUs, lastUs, leastOffset, greatestOffset, crc: written?.crc ?? 0 };
    return { bytes: out.take(), key };
  });
  const into = new Points(BLOCK_POINTS);
  const decode = speedOf(() => coded.reduce((sum, { bytes, key }) => sum + decodeBlock(bytes, key, 0, into).count, 0));
  const fresh = speedOf(() => coded.reduce((sum, { bytes, key }) => sum + decodeBlock(bytes, key, 0).count, 0));
  const columns = [sizes.times, sizes.offsets, sizes.values, sizes.index, sizes.all].map((each) =>
    each.toFixed(4).padStart(9),
  );
  const speeds = [encode, decode, fresh].map((speed) => speed.toFixed(1).padStart(9));
  const floor = (FLOORS.get(of.name)?.toFixed(2) ?? '').padStart(7);
  process.stdout.write(`${of.name.padEnd(12)}${columns.join('')}${floor}${speeds.join('')}\n`);
  return sizes;
}

const count = Number(process.argv[2] ?? 50);
const order = process.argv[3] === 'time' ? 'time' : 'scan';
const size = Math.min(BLOCK_POINTS, Number(process.argv[4] ?? BLOCK_POINTS));
const titles = ['times', 'offsets', 'values', 'index', 'all'].map((title) => title.padStart(9)).join('');
process.stdout.write(`bytes a point; M points/s; log in order of ${order}\n`);
process.stdout.write(`${''.padEnd(12)}${titles}${'floor'.padStart(7)}   encode   decode  new each\n`);
const mix = MIX.reduce((sum, { of, share }) => sum + share * measure(of, count, order).all, 0);
process.stdout.write(`${'mix'.padEnd(12)}${mix.toFixed(4).padStart(45)}${'2.77'.padStart(7)}\n`);
measure(float32, count, order);
