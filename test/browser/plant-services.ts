import { EventEmitter, on } from 'node:events';
import type { StandingAlarm } from '../../edge/alarms/alarm.ts';
import { MemoryDemo, MemoryServices } from '../../edge/api/services-kit.ts';
import type { DemoFault, HistorySample, LiveSample, ModelStatus, TagInfo } from '../../edge/api/services.ts';
import { Flag } from '../../edge/core/flags.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { StatusCode } from '../../edge/core/status-code.ts';

interface Signal {
  readonly path: string;
  readonly unit: string;
  readonly kind: string;
  readonly middle: number;
  readonly swing: number;
}

const SITE = 'northmill';
const STEP_MS = 1000;
/** No sample was taken from so long to so long ago: the connection was away. */
const GAP_FROM_MS = 150_000;
const GAP_TO_MS = 110_000;

function signals(asset: string, kind: string, rows: readonly (readonly [string, string, number, number])[]): Signal[] {
  return rows.map(([name, unit, middle, swing]) => ({ path: `${SITE}/${asset}/${name}`, unit, kind, middle, swing }));
}

const meter = [
  ['voltage-l1', 'V', 230.4, 0.6],
  ['voltage-l2', 'V', 231.1, 0.6],
  ['voltage-l3', 'V', 229.7, 0.6],
  ['current-l1', 'A', 31.2, 0.9],
  ['current-l2', 'A', 30.8, 0.9],
  ['current-l3', 'A', 31.5, 0.9],
  ['power', 'kW', 18.42, 0.5],
  ['power-factor', '1', 0.853, 0.004],
  ['frequency', 'Hz', 50.01, 0.02],
  ['energy', 'kWh', 148_213, 0],
] as const;

const plant: readonly Signal[] = [
  ...signals('water/loop1', 'opcua', [
    ['flow', 'm3/h', 118.4, 2.4],
    ['suction-pressure', 'bar', 1.82, 0.03],
    ['discharge-pressure', 'bar', 4.63, 0.08],
    ['pump-speed', '1/min', 1482, 6],
    ['valve-position', '%', 68.2, 1.1],
    ['supply-temperature', 'Cel', 21.4, 0.3],
    ['return-temperature', 'Cel', 27.9, 0.5],
    ['tank-level', '%', 74.6, 0.9],
    ['heat-load', 'kW', 812, 30],
    ['speed-setpoint', '1/min', 1480, 0],
  ]),
  ...signals('water/loop1', 'mqtt-broker', [
    ['vibration-de', 'mm/s', 1.94, 0.2],
    ['vibration-nde', 'mm/s', 1.61, 0.2],
    ['vibration-peak', 'g', 0.84, 0.15],
    ['bearing-temperature', 'Cel', 48.3, 0.4],
    ['motor-temperature', 'Cel', 61.7, 0.5],
    ['noise-level', 'dB', 71.3, 0.8],
  ]),
  ...signals('water/loop1', 'modbus', meter),
  ...signals('pressing/press1', 'opcua', [
    ['force', 'kN', 640, 610],
    ['ram-position', 'mm', 210, 190],
    ['ram-speed', 'mm/s', 0, 85],
    ['oil-pressure', 'bar', 148, 60],
    ['oil-temperature', 'Cel', 46.2, 0.6],
    ['strokes', '1', 48_211, 0],
  ]),
  ...signals('pressing/press1', 'mqtt-broker', [
    ['vibration', 'mm/s', 2.7, 1.1],
    ['die-temperature', 'Cel', 84.1, 1.2],
    ['noise-level', 'dB', 82.6, 3],
    ['oil-level', '%', 91, 0.1],
    ['cabinet-temperature', 'Cel', 31.2, 0.2],
    ['humidity', '%', 41.5, 0.4],
  ]),
  ...signals('pressing/press1', 'modbus', meter),
];

/** A small plant in memory whose values move, for the page alone: what a gateway does is tested with a gateway. */
export class PlantServices extends MemoryServices {
  readonly startedMs = Date.now();
  linkItems: ReturnType<MemoryServices['links']> = [];
  private readonly news = new EventEmitter().setMaxListeners(100);
  private readonly infos: TagInfo[];
  private timer: NodeJS.Timeout | undefined;

  /** `extra`: so many more tags on a third asset. */
  constructor(extra = 0) {
    super();
    this.pageSamples = 10_000;
    this.demo = new MemoryDemo(() => Date.now() * 1000);
    this.demo.items = demoFaults();
    const more = Array.from({ length: extra }, (_, i): Signal => {
      return {
        path: `${SITE}/hall/sensors/s${String(i).padStart(5, '0')}`,
        unit: 'V',
        kind: 'mqtt-broker',
        middle: i % 97,
        swing: 1,
      };
    });
    const all = [...plant, ...more];
    this.infos = all.map(({ path, unit, kind, swing }, i) => {
      return {
        path,
        id: i + 1,
        type: swing === 0 ? 'long' : 'double',
        unit,
        connector: kind === 'modbus' ? 'meters' : 'plc',
        kind,
        class: 'standard',
      };
    });
    for (const signal of all) this.samples.set(signal.path, []);
  }

  /** Fills the last minutes, then goes on. */
  begin(pastMs = 600_000): this {
    for (let ms = this.startedMs - pastMs; ms <= this.startedMs; ms += STEP_MS) this.step(ms);
    this.timer = setInterval(() => this.step(Date.now()), STEP_MS);
    return this;
  }

  end(): void {
    clearInterval(this.timer);
  }

  override status() {
    return { site: SITE, timezone: this.calendar.timezone, timeUs: Date.now() * 1000 };
  }

  override tags(): TagInfo[] {
    return this.infos;
  }

  override links(): ReturnType<MemoryServices['links']> {
    return this.linkItems;
  }

  override async *live(_patterns: readonly string[], signal: AbortSignal): AsyncGenerator<readonly LiveSample[]> {
    try {
      for await (const [items] of on(this.news, 'samples', { signal })) yield items as LiveSample[];
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  private step(nowMs: number): void {
    const timeUs = Math.floor(nowMs / STEP_MS) * STEP_MS * 1000;
    const items = Array.from(this.samples.keys(), (tag, i) => {
      const signal = plant[i];
      const sample = this.sample(signal, timeUs, i);
      if (sample !== undefined) this.samples.get(tag)?.push(sample);
      return sample === undefined ? undefined : { tag, ...sample };
    }).filter((item) => item !== undefined);
    this.news.emit('samples', items);
  }

  private sample(signal: Signal | undefined, timeUs: number, number: number): HistorySample | undefined {
    const base = {
      timeUs,
      deviceTimeUs: null,
      kind: ValueKind.double,
      quality: StatusCode.Good,
      flags: 0,
      serverTimeUs: null,
    };
    const seconds = timeUs / 1e6;
    if (signal === undefined) return { ...base, value: number + Math.sin(seconds + number) };
    const agoMs = this.startedMs - timeUs / 1000;
    const { path, kind, middle, swing } = signal;
    const opcua = kind === 'opcua' && path.includes('loop1');
    if (opcua && agoMs < GAP_FROM_MS && agoMs > GAP_TO_MS) {
      return { ...base, kind: ValueKind.null, value: null, quality: StatusCode.BadNoCommunication, flags: Flag.gap };
    }
    if (path.endsWith('press1/humidity')) return agoMs < 90_000 ? undefined : { ...base, value: middle };
    if (path.endsWith('press1/oil-level')) return { ...base, value: middle, quality: StatusCode.BadDeviceFailure };
    if (path.endsWith('press1/die-temperature')) {
      return { ...base, value: middle + Math.sin(seconds / 40), quality: StatusCode.UncertainLastUsableValue };
    }
    if (swing === 0)
      return { ...base, kind: ValueKind.long, value: middle + Math.floor(Math.max(0, 600 - agoMs / 1000) / 30) };
    const wave =
      Math.sin(seconds / (23 + (number % 7) * 5) + number) * 0.6 + Math.sin(seconds / 3.1 + number * 2) * 0.25;
    return { ...base, value: middle + swing * (wave + (pseudo(seconds * 31 + number) - 0.5) * 0.3) };
  }
}

/** Looks like noise, and is the same each time. */
function pseudo(at: number): number {
  const value = Math.sin(at * 12.9898) * 43_758.5453;
  return value - Math.floor(value);
}

/** A model's alarm on the loop that began some time ago. */
export function loopAlarm(agoMs = 72_000): StandingAlarm {
  const at = (name: string): string => `${SITE}/water/loop1/${name}`;
  return {
    id: 'model/loop1-health',
    name: 'loop1-health',
    kind: 'model',
    tag: at('loop1-health-score'),
    asset: `${SITE}/water/loop1`,
    priority: 'high',
    onReturn: 'normal',
    state: 'UNACK',
    stands: true,
    sinceUs: (Date.now() - agoMs) * 1000,
    shelvedUntilUs: null,
    evidence: {
      message: 'flow is lower than expected while discharge-pressure is higher',
      value: 2.31,
      limit: 1,
      reasons: [
        { signal: at('flow'), expected: 118.2, seen: 84.6, share: 0.52 },
        { signal: at('discharge-pressure'), expected: 4.61, seen: 5.38, share: 0.27 },
        { signal: at('return-temperature'), expected: 27.8, seen: 30.1, share: 0.13 },
        { signal: at('vibration-de'), expected: 1.92, seen: 2.2, share: 0.05 },
      ],
    },
  };
}

/** An alarm of a limit. */
export function pressAlarm(): StandingAlarm {
  return {
    id: 'die-hot',
    name: 'die-hot',
    kind: 'limit',
    tag: `${SITE}/pressing/press1/die-temperature`,
    asset: `${SITE}/pressing/press1`,
    priority: 'medium',
    onReturn: 'latched',
    state: 'ACKED',
    stands: true,
    sinceUs: (Date.now() - 1_080_000) * 1000,
    shelvedUntilUs: null,
    evidence: { message: 'die-temperature is 84.6, above 84', value: 84.6, limit: 84, reasons: [] },
  };
}

/** One model at work, one that learns. */
export function someModels(): ModelStatus[] {
  const asset = `${SITE}/water/loop1`;
  const press = `${SITE}/pressing/press1`;
  const names = [
    'flow',
    'suction-pressure',
    'discharge-pressure',
    'pump-speed',
    'supply-temperature',
    'return-temperature',
    'vibration-de',
    'vibration-peak',
  ];
  const nowUs = Date.now() * 1000;
  return [
    {
      name: 'loop1-health',
      asset,
      kind: 'autoencoder',
      state: 'active',
      version: '1',
      detail: null,
      progress: null,
      signals: names.map((name) => `${asset}/${name}`),
      trainedFromUs: nowUs - 3_600_000_000,
      trainedToUs: nowUs - 120_000_000,
      backend: 'wasm',
      score: 2.31,
      threshold: 1,
    },
    {
      name: 'press1-health',
      asset: press,
      kind: 'autoencoder',
      state: 'learning',
      version: null,
      detail: null,
      progress: { phase: 'collecting', done: 0.43 },
      signals: ['force', 'ram-position', 'oil-pressure'].map((name) => `${press}/${name}`),
      trainedFromUs: null,
      trainedToUs: null,
      backend: null,
      score: null,
      threshold: null,
    },
  ];
}

function demoFaults(): DemoFault[] {
  const asset = `${SITE}/water/loop1`;
  const rows: [name: string, description: string, signals: string[]][] = [
    [
      'valve-partly-closed',
      'The control valve sticks partly closed while it reports its usual position.',
      ['flow', 'return-temperature', 'power'],
    ],
    [
      'cavitation',
      'The suction strainer clogs: the pump draws vapour.',
      ['suction-pressure', 'vibration-peak', 'flow'],
    ],
    ['drifting-sensor', 'The discharge-pressure transmitter drifts away from the truth.', ['discharge-pressure']],
  ];
  return rows.map(([name, description, names]) => {
    return {
      name,
      description,
      asset,
      signals: names.map((signal) => `${asset}/${signal}`),
      active: false,
      sinceUs: null,
    };
  });
}
