import type { Forecast, Link, Status } from './api-types.ts';
import type { ConnectionState } from './connection.ts';
import { byId, el, icon, setAttribute, setChildren, setIcon, setText } from './dom.ts';
import { formatBytes, formatClock, formatSpan, plural } from './format.ts';

/** How much something wants to be looked at. */
type Attention = 'calm' | 'notice' | 'alarm';

/** A disk that is full sooner than this wants attention. */
const DISK_SOON_MS = 7 * 86_400_000;
const DISK_NOW_MS = 86_400_000;
/** Records that a link may lag before that wants attention. */
const LAG_MUCH = 10_000;
/** This computer's clock and the gateway's may differ by so much. */
const CLOCK_APART_MS = 5000;

/** The line at the top: connection, clock, disk, link, readiness. */
export class HeaderView {
  private readonly connection = new Chip('live', 'Connection');
  private readonly clock = new Chip('clock', 'Clock');
  private readonly disk = new Chip('disk', 'Disk');
  private readonly link = new Chip('link', 'Link');
  private readonly ready = new Chip('ready', 'Gateway', 'parts');
  private offsetMs = 0;
  private suspects = 0;

  constructor() {
    const chips = [this.connection, this.clock, this.disk, this.link, this.ready];
    byId('chips').append(...chips.map(({ root }) => root));
    this.tick();
  }

  /** The gateway's clock, ms. */
  nowMs(): number {
    return Date.now() + this.offsetMs;
  }

  showConnection(state: ConnectionState): void {
    const texts = { connecting: 'connecting', live: 'live', lost: 'lost', resting: 'resting' } as const;
    this.connection.show(texts[state.name], state.name === 'lost' ? 'alarm' : 'calm');
    setAttribute(document.body, 'data-connection', state.name);
  }

  /** `suspects`: tags whose device's clock cannot be trusted. */
  showClock(suspects: number): void {
    this.suspects = suspects;
    this.tick();
  }

  /** A second has gone by. */
  tick(): void {
    const time = formatClock(this.nowMs());
    if (this.suspects > 0) this.clock.show(`${time}, ${plural(this.suspects, 'clock')} suspect`, 'notice');
    else if (Math.abs(this.offsetMs) > CLOCK_APART_MS)
      this.clock.show(`${time}, ${formatSpan(Math.abs(this.offsetMs))} off here`, 'notice');
    else this.clock.show(time, 'calm');
  }

  /** `askedMs`, `answeredMs`: when the status was asked for and came, on this computer's clock. */
  showStatus({ site, time, version, ready, parts }: Status, askedMs: number, answeredMs: number): void {
    this.offsetMs = Date.parse(time) - (askedMs + answeredMs) / 2;
    setText(byId('site'), site);
    setAttribute(byId('site'), 'title', `Millrace ${version}`);
    const working = parts.filter((part) => part.ready).length;
    const text = ready ? 'ready' : `${working} of ${parts.length} ready`;
    this.ready.show(text, ready ? 'calm' : 'alarm');
    const items = parts.map((part) => {
      const mark = icon(part.ready ? 'ready' : 'bad');
      const said = part.detail ?? (part.ready ? 'works' : 'does not work');
      const attention = part.ready ? 'calm' : 'alarm';
      return el(
        'li',
        { 'data-attention': attention },
        mark,
        el('b', {}, part.name),
        el('span', { class: 'muted' }, said),
      );
    });
    setChildren(byId('parts-list'), items);
  }

  showForecast(forecasts: readonly Forecast[]): void {
    const disk = forecasts.find(({ name }) => name === 'disk');
    if (disk === undefined) return this.disk.show('unknown', 'notice');
    const free = `${formatBytes(disk.freeBytes)} free`;
    const leftMs = disk.fullInSeconds === null ? Infinity : disk.fullInSeconds * 1000;
    const attention = leftMs < DISK_NOW_MS ? 'alarm' : leftMs < DISK_SOON_MS ? 'notice' : 'calm';
    this.disk.show(leftMs > 400 * 86_400_000 ? free : `full in ${formatSpan(leftMs)}`, attention, free);
  }

  showLinks(links: readonly Link[]): void {
    if (links.length === 0)
      return this.link.show('no destination', 'calm', 'No link is configured: data stays on this gateway.');
    const worst = links.find(({ state }) => state !== 'mirroring') ?? links[0];
    if (worst === undefined) return;
    const lags = links.flatMap(({ topics }) => topics.map(({ lag }) => lag ?? 0));
    const lag = lags.reduce((sum, each) => sum + each, 0);
    const behind = lag === 0 ? 'up to date' : `${plural(lag, 'record')} behind`;
    const text = worst.state === 'mirroring' ? behind : `${worst.state}, ${behind}`;
    const calm = worst.state === 'mirroring' && lag < LAG_MUCH;
    this.link.show(text, worst.state === 'failed' ? 'alarm' : calm ? 'calm' : 'notice', worst.detail ?? worst.name);
  }
}

/** One thing of the line: an icon, what it is, how it is. */
class Chip {
  readonly root: HTMLLIElement;
  private readonly value = el('b', {}, '…');
  private readonly mark: SVGSVGElement;
  private readonly name: string;

  /** `popover`: id of what opens when one clicks on it. */
  constructor(iconName: string, label: string, popover?: string) {
    this.name = iconName;
    this.root = el('li', { class: 'chip', 'data-chip': iconName });
    this.mark = icon(iconName);
    const inside = [this.mark, el('span', { class: 'label' }, label), this.value];
    if (popover === undefined) {
      this.root.append(...inside);
      return;
    }
    const button = el('button', { type: 'button' }, ...inside, icon('chevron'));
    button.setAttribute('popovertarget', popover);
    this.root.append(button);
  }

  show(text: string, attention: Attention, title = ''): void {
    setText(this.value, text);
    setAttribute(this.root, 'data-attention', attention);
    setAttribute(this.root, 'title', title === '' ? undefined : title);
    setIcon(this.mark, attention === 'calm' ? this.name : 'warn');
  }
}
