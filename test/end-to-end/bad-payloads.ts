import type { Random } from './random.ts';

/** A payload that gives no sample, and the reasons of quarantine that fit it (FORMAT.md, "Topics"). */
export interface BadPayload {
  readonly kind: string;
  readonly payload: Uint8Array;
  readonly reasons: readonly string[];
}

const goodTime = '"timestamp":"2020-03-09T10:14:33+03:00"';

/** Ways to be wrong for a mapping with `value: $.value` and `time: $.timestamp`; each makes another payload each time. */
const kinds: Readonly<Record<string, { reasons: readonly string[]; make: (choose: Random) => string | Uint8Array }>> = {
  'broken off': {
    reasons: ['malformed'],
    make(choose) {
      const whole = `{${goodTime},"value":${choose.next()}}`;
      return whole.slice(0, choose.whole(1, whole.length - 1));
    },
  },
  'not quite JSON': {
    reasons: ['malformed'],
    make: (choose) =>
      pick(choose, [
        `{${goodTime},"value":1,}`,
        `{${goodTime.replaceAll('"', "'")},'value':1}`,
        `{${goodTime} "value":1}`,
        `{${goodTime},"value":01}`,
        `{${goodTime},"value":0x10}`,
        `{${goodTime},"value":+1}`,
        `{${goodTime},"value":1}}`,
        `{${goodTime},"value":1} {${goodTime},"value":2}`,
        `value=${choose.next()}`,
        '[[[[[['.repeat(choose.whole(1, 1000)),
        '{"value":'.repeat(choose.whole(1, 1000)),
      ]),
  },
  'not UTF-8': {
    reasons: ['malformed'],
    make(choose) {
      const bytes = Buffer.from(`{${goodTime},"value":"${'x'.repeat(choose.whole(1, 50))}"}`);
      bytes[bytes.length - 3] = pick(choose, [0xff, 0xc0, 0x80, 0xed, 0xf8]);
      return bytes;
    },
  },
  'random bytes': {
    reasons: ['malformed'],
    // The first one cannot begin UTF-8.
    make: (choose) =>
      Uint8Array.from({ length: choose.whole(1, 300) }, (_, i) => (i === 0 ? 0xff : choose.whole(0, 255))),
  },
  empty: { reasons: ['malformed'], make: () => '' },
  'another structure': {
    reasons: ['malformed', 'bad-time', 'no-value'],
    make: (choose) =>
      pick(choose, ['[]', `[{${goodTime},"value":1}]`, `${choose.next()}`, '"on"', 'true', 'null', '{}']),
  },
  'no value': {
    reasons: ['no-value'],
    make: (choose) => pick(choose, [`{${goodTime}}`, `{${goodTime},"Value":1}`, `{${goodTime},"data":{"value":1}}`]),
  },
  'no zone': {
    reasons: ['no-zone'],
    make: (choose) =>
      `{"timestamp":"2020-03-09${pick(choose, ['T', ' '])}10:14:33${pick(choose, ['', '.5'])}","value":1}`,
  },
  'a time that is none': {
    reasons: ['bad-time'],
    make(choose) {
      const times = ['"yesterday"', '"2020-13-09T10:14:33Z"', '"2020-02-30T10:14:33Z"', '"2020-03-09T25:14:33Z"'];
      const time = pick(choose, [...times, '"9999-12-31T23:59:59Z"', '""', 'true', 'null', '{}', '[]']);
      return `{"timestamp":${time},"value":${choose.next()}}`;
    },
  },
  'no time': { reasons: ['bad-time'], make: (choose) => `{"value":${choose.next()}}` },
};

function pick<T>(choose: Random, among: readonly T[]): T {
  const one = among[choose.whole(0, among.length - 1)];
  if (one === undefined) throw new Error('nothing to choose among');
  return one;
}

/** So many bad payloads, of each kind in turn. */
export function badPayloads(count: number, choose: Random): BadPayload[] {
  const all = Object.entries(kinds);
  return Array.from({ length: count }, (_, index) => {
    const [kind, { reasons, make }] = all[index % all.length] ?? pick(choose, all);
    const payload = make(choose);
    return { kind, reasons, payload: typeof payload === 'string' ? Buffer.from(payload) : payload };
  });
}
