import uPlot from 'uplot';
import { formatNumber, formatUnit } from './format.ts';
import { siteClock } from './site-clock.ts';
import { TICK_STEPS_MS, tickLabels, timeTicks } from './time-ticks.ts';
import type { ChartColumn, Span } from './trend-data.ts';

/** A line of the chart. */
export interface Line {
  readonly name: string;
  readonly unit: string | null;
  /** Null: not known yet. Values of doubles and floats lie on lines, others hold until the next one. */
  readonly type: string | null;
  /** Which colour, from 1. */
  readonly number: number;
}

export interface ChartHooks {
  /** Somebody has marked a span. */
  readonly onZoom: (span: Span) => void;
  /** Somebody moves the chart by so many ms; `done` ends the movement. */
  readonly onMove: (byMs: number, done: boolean) => void;
  /** Somebody wants to be back at now. */
  readonly onReset: () => void;
  /** Time under the cursor, ms; undefined when it leaves. */
  readonly onCursor: (timeMs: number | undefined) => void;
}

/** Columns of a line: last, min, max. */
const COLUMNS = 3;
/** A drag that is shorter is a click, px. */
const LEAST_DRAG_PX = 6;
const FONT = '12px Inter, system-ui, sans-serif';

/** A chart that is narrower has axes for two units, a wider one for four, px. */
const WIDE_PX = 760;
const DIGITAL = 'digital';
/** Of an axis without its title. */
const LEAST_AXIS_PX = 52;
const AXIS_GAP_PX = 14;

/** uPlot with lines, their bands of min and max, and an axis for each of the first units. Made anew when the lines or the colours change. */
export class Chart {
  private readonly place: HTMLElement;
  private readonly hooks: ChartHooks;
  private readonly lines: readonly Line[];
  private readonly plot: uPlot;
  private readonly resize: ResizeObserver;

  constructor(place: HTMLElement, lines: readonly Line[], hooks: ChartHooks) {
    this.place = place;
    this.lines = lines;
    this.hooks = hooks;
    this.plot = new uPlot(this.options(), [[], ...lines.flatMap(() => [[], [], []])], place);
    this.plot.over.addEventListener('pointerdown', (event) => this.beginMove(event));
    this.resize = new ResizeObserver(() => this.plot.setSize(this.size()));
    this.resize.observe(place);
  }

  /** Draws these columns (`chartColumns`) over this span. */
  draw([times, ...columns]: readonly [number[], ...ChartColumn[]], { fromMs, toMs }: Span): void {
    this.plot.batch(() => {
      this.plot.setData([times, ...columns], false);
      this.plot.setScale('x', { min: fromMs / 1000, max: toMs / 1000 });
    });
  }

  /** Width of the plot, px. */
  get width(): number {
    return this.size().width;
  }

  close(): void {
    this.resize.disconnect();
    this.plot.destroy();
  }

  private size(): { width: number; height: number } {
    return { width: Math.max(200, this.place.clientWidth), height: Math.max(120, this.place.clientHeight) };
  }

  private options(): uPlot.Options {
    const { lines } = this;
    const scales = [...new Set(lines.map(scaleOf))];
    const shown = scales.slice(0, this.place.clientWidth < WIDE_PX ? 2 : 4);
    return {
      ...this.size(),
      legend: { show: false },
      padding: [10, shown.length > 1 ? 4 : 40, 0, 4],
      cursor: {
        drag: { x: true, y: false, setScale: false },
        points: { size: 7 },
        bind: {
          dblclick: () => () => {
            this.hooks.onReset();
            return null;
          },
          // With Shift the chart is moved instead of marked.
          mousedown: (_plot, _target, handler) => (event) => (event.shiftKey ? null : handler(event)),
        },
      },
      scales: {
        x: { time: true, auto: false },
        ...Object.fromEntries(
          scales.map((scale) => [scale, { range: scale === DIGITAL ? digitalRange(scales.length) : paddedRange }]),
        ),
      },
      axes: [timeAxis(), ...shown.map((scale, at) => valueAxis(scale, at, labelOf(scale, lines)))],
      series: [{}, ...lines.flatMap(seriesOf)],
      bands: lines.map((line, at) => ({
        series: [at * COLUMNS + 3, at * COLUMNS + 2],
        fill: color(`--line-${line.number}-band`),
      })),
      hooks: { setSelect: [(plot) => this.selected(plot)], setCursor: [(plot) => this.pointed(plot)] },
    };
  }

  private selected(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < LEAST_DRAG_PX) return;
    const fromMs = plot.posToVal(left, 'x') * 1000;
    const toMs = plot.posToVal(left + width, 'x') * 1000;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.hooks.onZoom({ fromMs, toMs });
  }

  private pointed(plot: uPlot): void {
    const { left = -1 } = plot.cursor;
    this.hooks.onCursor(left < 0 ? undefined : plot.posToVal(left, 'x') * 1000);
  }

  /** A finger, or the mouse with Shift, moves the chart. */
  private beginMove(event: PointerEvent): void {
    if (event.pointerType !== 'touch' && !event.shiftKey) return;
    const { plot, hooks } = this;
    const msPerPx = ((plot.scales['x']?.max ?? 0) - (plot.scales['x']?.min ?? 0)) * (1000 / plot.over.clientWidth);
    const ending = new AbortController();
    const by = ({ clientX }: PointerEvent): number => (event.clientX - clientX) * msPerPx;
    const end = (last: PointerEvent): void => {
      ending.abort();
      hooks.onMove(by(last), true);
    };
    window.addEventListener('pointermove', (moved) => hooks.onMove(by(moved), false), { signal: ending.signal });
    for (const name of ['pointerup', 'pointercancel'] as const)
      window.addEventListener(name, end, { signal: ending.signal });
  }
}

/** Lines of one unit share a scale; what has no unit cannot be compared with anything. */
function scaleOf({ unit, type, number }: Line): string {
  if (type === 'boolean') return DIGITAL;
  return unit === null ? `line ${number}` : `unit ${unit}`;
}

function seriesOf(line: Line): uPlot.Series[] {
  const scale = scaleOf(line);
  const stroke = color(`--line-${line.number}`);
  const isStepped = line.type !== null && line.type !== 'double' && line.type !== 'float';
  const paths = isStepped ? uPlot.paths.stepped?.({ align: 1, extend: true }) : undefined;
  const common: uPlot.Series = { scale, ...(paths === undefined ? {} : { paths }) };
  const edge: uPlot.Series = { ...common, width: 0, points: { show: false } };
  return [{ ...common, stroke, width: 1.75, points: { size: 5 } }, edge, { ...edge }];
}

function timeAxis(): uPlot.Axis {
  return {
    ...axisColors(),
    size: 46,
    space: 80,
    incrs: TICK_STEPS_MS.map((ms) => ms / 1000),
    splits: (_plot, _axis, min, max, increment) =>
      timeTicks(min * 1000, max * 1000, increment * 1000, siteClock).map((ms) => ms / 1000),
    values: (_plot, splits, _axis, _space, increment) =>
      tickLabels(
        splits.map((second) => second * 1000),
        increment * 1000,
        siteClock,
      ),
  };
}

/** What an axis is called: its unit, or the name of its one line. */
function labelOf(scale: string, lines: readonly Line[]): string {
  const [{ unit, name } = { unit: null, name: '' }] = lines.filter((line) => scaleOf(line) === scale);
  return unit === null ? name : formatUnit(unit);
}

/** Room for the longest label of an axis, px. */
function widthOf(plot: uPlot, labels: readonly string[] | null): number {
  const { ctx } = plot;
  ctx.save();
  ctx.font = FONT;
  const widest = Math.max(0, ...(labels ?? []).map((label) => ctx.measureText(label).width));
  ctx.restore();
  return Math.max(LEAST_AXIS_PX, Math.ceil(widest) + AXIS_GAP_PX);
}

function valueAxis(scale: string, at: number, label: string): uPlot.Axis {
  const colors = axisColors();
  if (scale === DIGITAL)
    return {
      ...colors,
      ...sideOf(at),
      scale,
      size: 40,
      grid: { show: false },
      splits: () => [0, 1],
      values: () => ['off', 'on'],
    };
  return {
    ...colors,
    ...sideOf(at),
    scale,
    size: (plot, labels) => widthOf(plot, labels),
    label,
    labelSize: label === '' ? 0 : 18,
    labelFont: FONT,
    grid: at === 0 ? colors.grid : { show: false },
    values: (_plot, splits) => {
      const step = Math.abs((splits[1] ?? 1) - (splits[0] ?? 0));
      const decimals = Math.max(0, Math.min(6, Math.ceil(-Math.log10(step) - 1e-9)));
      return splits.map((value) => formatNumber(value, decimals));
    },
  };
}

/** Left, right, left, right. */
function sideOf(at: number): Pick<uPlot.Axis, 'side'> {
  return { side: at % 2 === 0 ? 3 : 1 };
}

function axisColors() {
  const grid = { stroke: color('--grid'), width: 1 };
  return { stroke: color('--muted'), font: FONT, grid, ticks: { ...grid, size: 4 } };
}

/** Beside other lines states stand at the bottom. */
function digitalRange(scales: number): uPlot.Range.MinMax {
  return scales === 1 ? [-0.3, 1.3] : [-0.1, 5];
}

/** Room above and below; a line that does not change stands in the middle. */
function paddedRange(_plot: uPlot, low: number | null, high: number | null): uPlot.Range.MinMax {
  if (low === null || high === null || !Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  const least = Math.max(Math.abs(low), Math.abs(high)) * 0.01 || 1;
  const room = Math.max((high - low) * 0.08, (least - (high - low)) / 2);
  return [low - room, high + room];
}

/** A colour of the style sheet, which knows whether the page is dark. */
function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
