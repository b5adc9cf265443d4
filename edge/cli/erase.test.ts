import { beforeEach, describe, expect, test } from 'vitest';
import type { ErasureView } from '../api/care-services.ts';
import { MemoryServices, sampleAt, START_US } from '../api/services-kit.ts';
import { Fault } from '../core/fault.ts';
import { configuredFolder, millrace, servedFrom, temporaryFolder } from './cli-kit.ts';

async function* failing() {
  yield await Promise.resolve({ place: 'historian', done: 1, total: 2, unit: 'records' });
  throw new Fault('historian-write-failed', 'Rebuild: 10 bytes are needed beside the old ones.');
}

describe('a gateway with little data', () => {
  let cwd: string;
  let services: MemoryServices;

  beforeEach(async () => {
    cwd = configuredFolder('links: [{ name: cloud, to: { brokers: ["127.0.0.1:1"] } }]\n');
    services = new MemoryServices();
    services.samples.set('plant/a', [sampleAt(START_US, 0.5), sampleAt(START_US + 1, 1.5)]);
    services.samples.set('plant/b', [sampleAt(START_US, 7)]);
    await servedFrom(services, cwd);
  });

  const span = ['--from', '2020-03-17T10:00:00Z', '--to', '2020-03-17T12:00:00+01:00', '--reason', 'a test run'];
  const erase = (...more: readonly string[]) =>
    millrace(['erase', '--tag', 'plant/a', 'plant/b', ...span, ...more], { cwd });

  test('erase shows what it is about and does it; who and why go along', async () => {
    const { code, stdout, stderr } = await erase('--yes', '--by', 'eve');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(`tag      samples
plant/a        2
plant/b        1
3 samples of 2 tags in the historian; copies elsewhere (log) are erased too, and not counted
Erasure e-1: 3 samples of 2 tags.
historian: erased
log: erased
event: erased, offset 7 of topic events
link cloud: does not mirror topic events, so the other end is NOT told; what it has mirrored is still there
`);
    const order = { by: 'eve', reason: 'a test run', prefix: false, tags: ['plant/a', 'plant/b'] };
    expect(services.erased).toMatchObject([order]);
    expect(services.samples.get('plant/a')).toEqual([]);
    const { stdout: listed } = await millrace(['historian', 'erasures'], { cwd });
    expect(listed).toBe(`2020-03-17T10:14:33.000000Z  eve: a test run
  e-1: 3 samples of plant/a, plant/b, 2020-03-17T10:00:00.000000Z to 2020-03-17T11:00:00.000000Z
  done everywhere
`);
  });

  test('a dry run erases nothing, and is JSON where that is asked for', async () => {
    const { code, stdout } = await erase('--dry-run', '--json');
    expect(code).toBe(0);
    const tags = [
      { tag: 'plant/a', samples: 2 },
      { tag: 'plant/b', samples: 1 },
    ];
    const uncounted = ['log'];
    expect(JSON.parse(stdout)).toEqual({ type: 'preview', tagCount: 2, samples: 3, uncounted, unreadable: 0, tags });
    expect(services.erased).toEqual([]);
  });

  test('nothing is erased where nobody can be asked and --yes is not there', async () => {
    const { code, stderr } = await erase();
    expect([code, stderr.split('\n')[1]]).toEqual([
      2,
      '  There is nobody to be asked here: say --yes, or --dry-run to see what it is about.',
    ]);
    expect(services.erased).toEqual([]);
  });

  test('what is not done everywhere is said, with exit code 1', async () => {
    const whole = services.erase.bind(services);
    services.erase = async function* notEverywhere(order) {
      for await (const step of whole(order)) {
        if (!('id' in step)) continue;
        const places = ['historian', 'log', 'tier'].map((name) => ({ name, doneUs: name === 'historian' ? 1 : null }));
        yield {
          ...step,
          places,
          done: false,
          problems: { tier: 'It is away.', log: 'There is no room.' },
          unopened: ['0000000003.mrh'],
          unread: ['log/samples-0/00000000000000000000.log, bytes 1 to 2 (records 3 to 4)'],
          outlook: {
            ...step.outlook,
            log: [{ topic: 'samples', start: 0, upTo: 10, retentionSeconds: null }],
            quarantine: { records: 7, retentionSeconds: 1_209_600 },
          },
        } satisfies ErasureView;
      }
    };
    const { code, stdout } = await erase('--yes');
    expect(code).toBe(1);
    expect(stdout.split('\n').slice(5)).toEqual([
      'historian: erased',
      'log: NOT DONE, tried again by itself: There is no room.',
      'tier: NOT DONE, tried again by itself: It is away.',
      'historian: 0000000003.mrh cannot be opened and may still hold something of it; remove the file by hand',
      'log: log/samples-0/00000000000000000000.log, bytes 1 to 2 (records 3 to 4) cannot be read and may still hold something of it; its retention lets go of it',
      'event: erased, offset 7 of topic events',
      'link cloud: does not mirror topic events, so the other end is NOT told; what it has mirrored is still there',
      'quarantine: 7 refused messages cannot be told by tag and may hold something of it; the log keeps them until its retention of 14d has let go of them',
      'log: records of samples below offset 10 may stay in its segments until its budget of 20GiB needs their room; the historian takes none of these again',
      '',
    ]);
  });

  test.each([
    [
      'an empty span',
      ['--from', '2020-03-17T10:00:00Z', '--to', '2020-03-17T10:00:00Z'],
      2,
      '--from is not before --to.',
    ],
    ['a time without a zone', ['--from', '2020-03-17T10:00:00'], 2, 'has no zone'],
    ['no reason', ['--reason', ' '], 2, '--reason: say why.'],
    ['an unknown tag', ['--tag', 'plant/x', '--yes'], 1, 'There is no such tag.'],
  ])('%s is refused', async (_name, more, exitCode, said) => {
    const { code, stderr } = await erase('--dry-run', ...more);
    expect([code, stderr.includes(said)]).toEqual([exitCode, true]);
    expect(services.erased).toEqual([]);
  });

  test('rebuild historian prints what was read again and what stays', async () => {
    const { code, stdout } = await millrace(['rebuild', 'historian'], { cwd });
    expect([code, stdout]).toEqual([
      0,
      `topic    offsets read again  samples written anew  samples kept as they were
samples  2 to 9                                 8                          2
The historian is rebuilt.
`,
    ]);
  });

  test('what fails on the way is a fault like any other', async () => {
    services.rebuildHistorian = failing;
    const { code, stderr } = await millrace(['rebuild', 'historian'], { cwd });
    expect([code, stderr.split('\n').slice(0, 2)]).toEqual([
      1,
      ['millrace: Writing to the historian failed.', '  Rebuild: 10 bytes are needed beside the old ones.'],
    ]);
  });

  test('historian status says what is kept, what has expired and what is wrong', async () => {
    const whole = services.historian.bind(services);
    const topics = [
      { topic: 'samples', retentionSeconds: 400 * 86_400, expiredBeforeUs: START_US },
      { topic: 'samples.bulk', retentionSeconds: null, expiredBeforeUs: null },
    ];
    services.historian = () => {
      return { ...whole(), topics, expires: false, erasures: 2, damaged: ['0000000001.mrh'], repairedSamples: 5000 };
    };
    const { stdout } = await millrace(['historian', 'status'], { cwd });
    expect(stdout.split('\n')).toEqual([
      'historian: 2 files, 1000B; samples are kept samples 400d, samples.bulk for ever',
      'historian: samples has expired before 2020-03-17T10:14:33.000000Z',
      'historian: nothing expires while the clock is in doubt',
      'historian: 2 erasures are not done everywhere; `millrace historian erasures` says where and why',
      'historian: damaged and shown as gaps: 0000000001.mrh; `millrace historian verify` says what is in them',
      'historian: 5,000 samples that could not be read were written anew out of the log',
      '',
    ]);
  });
});

test('without a gateway and without data there is nothing to be erased or rebuilt', async () => {
  const cwd = configuredFolder();
  for (const args of [
    ['rebuild', 'historian'],
    [
      'erase',
      '--tag',
      'a/b',
      '--from',
      '2020-01-01T00:00:00Z',
      '--to',
      '2021-01-01T00:00:00Z',
      '--reason',
      'x',
      '--yes',
    ],
  ]) {
    const { code, stderr } = await millrace(args, { cwd });
    expect([code, stderr.includes('There is no data of a gateway in')]).toEqual([1, true]);
  }
  const { code } = await millrace(['historian', 'status'], { cwd: temporaryFolder() });
  expect(code).toBe(2);
});
