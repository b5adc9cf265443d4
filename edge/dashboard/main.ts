import { AlarmsView } from './alarms.ts';
import type { Alarm, DemoFault, Forecast, Items, Link, Model, Sample, Status, TagPage } from './api-types.ts';
import { AssetsView } from './assets.ts';
import { Banner } from './banner.ts';
import { Connection, type ConnectionState } from './connection.ts';
import { FaultsView } from './faults.ts';
import { groupByAsset } from './grouping.ts';
import { HeaderView } from './header.ts';
import { isDrawable, loadPoints } from './history-source.ts';
import { ModelsView } from './models.ts';
import { Poller } from './poller.ts';
import { getJson, sayError } from './request.ts';
import { siteClock } from './site-clock.ts';
import { TagStore } from './tag-store.ts';
import { TrendView } from './trend.ts';

const ALARMS_EVERY_MS = 1000;
const STATE_EVERY_MS = 3000;
const TICK_MS = 1000;
/** New tags are looked for at most so often. */
const TAGS_PAUSE_MS = 3000;
/** Lines that are drawn where nobody has chosen any. */
const FIRST_LINES = 3;
/** Sparklines of up to so many tags begin with what was before. */
const MAX_REMINDED = 120;
const REMINDED_MS = 300_000;
const REMINDED_POINTS = 60;

/** The page: views, the stream that feeds them, and what is asked for beside it. */
class Dashboard {
  private readonly store = new TagStore();
  private readonly header = new HeaderView();
  private readonly models = new ModelsView();
  private readonly nowMs = (): number => this.header.nowMs();
  private readonly faults = new FaultsView(this.nowMs);
  private readonly trend = new TrendView(this.store, {
    nowMs: this.nowMs,
    onChosen: (paths) => this.assets.choose(paths),
  });
  private readonly assets = new AssetsView(this.store, (path) => this.trend.toggle(path));
  private readonly connection = new Connection({
    onState: (state) => this.connectionChanged(state),
    onSamples: (samples) => this.take(samples),
  });
  private readonly banner = new Banner(() => this.connection.tryNow());
  private readonly alarms = new AlarmsView({
    unitOf: (path) => this.store.get(path)?.unit ?? null,
    nowMs: this.nowMs,
    onDraw: (paths) => this.trend.add(paths),
    onDone: () => this.alarmPoller.now(),
  });
  private readonly alarmPoller = new Poller(ALARMS_EVERY_MS, () => this.askAlarms());
  private readonly statePoller = new Poller(STATE_EVERY_MS, () => this.askState());
  /** Last samples of tags that are not on the list yet. */
  private readonly early = new Map<string, Sample>();
  private listing: Promise<void> | undefined;
  private nextListMs = 0;
  private firstModels: readonly Model[] = [];

  start(): void {
    this.connection.start();
    window.setInterval(() => this.tick(), TICK_MS);
  }

  private tick(): void {
    this.header.tick();
    this.alarms.tick();
    this.assets.refresh(this.nowMs());
    this.trend.tick();
    this.banner.tick();
    if (this.early.size > 0) void this.list();
    let suspects = 0;
    for (const tag of this.store.all()) if (tag.clockSuspect) suspects++;
    this.header.showClock(suspects);
  }

  private connectionChanged(state: ConnectionState): void {
    this.header.showConnection(state);
    this.banner.showConnection(state);
    if (state.name === 'live') void this.begin();
    if (state.name !== 'lost' && state.name !== 'resting') return;
    this.alarmPoller.stop();
    this.statePoller.stop();
  }

  /** The gateway is there, for the first time or again: everything may be another. */
  private async begin(): Promise<void> {
    this.alarmPoller.start();
    this.statePoller.start();
    this.nextListMs = 0;
    await this.askModels();
    await this.list();
    this.trend.begin(this.firstLines());
    await this.remind();
  }

  /** Fetches the list of tags, page by page. */
  private list(): Promise<void> {
    if (performance.now() < this.nextListMs) return this.listing ?? Promise.resolve();
    this.listing ??= this.listNow().finally(() => {
      this.listing = undefined;
      this.nextListMs = performance.now() + TAGS_PAUSE_MS;
    });
    return this.listing;
  }

  private async listNow(): Promise<void> {
    try {
      let after = '';
      for (;;) {
        const query = after === '' ? '' : `?after=${encodeURIComponent(after)}`;
        const page = await getJson<TagPage>(`/api/v1/tags${query}`);
        this.store.know(page.items);
        if (page.next === null) break;
        after = page.next;
      }
      this.banner.clear('tags');
    } catch (error) {
      this.banner.problem('tags', `The tags cannot be shown. ${sayError(error)}`);
    }
    const early = [...this.early.values()];
    this.early.clear();
    this.store.take(
      early.filter(({ tag }) => this.store.get(tag) !== undefined),
      this.nowMs(),
    );
    this.assets.build();
    this.assets.choose(this.trend.tags);
  }

  private take(samples: readonly Sample[]): void {
    const nowMs = this.nowMs();
    const { changed, unknown } = this.store.take(samples, nowMs);
    if (unknown)
      for (const sample of samples) if (this.store.get(sample.tag) === undefined) this.early.set(sample.tag, sample);
    this.assets.update(changed, nowMs);
    this.trend.take(changed);
  }

  private firstLines(): string[] {
    const watched = this.firstModels[0]?.signals.filter((path) => this.store.get(path) !== undefined) ?? [];
    if (watched.length > 0) return watched.slice(0, FIRST_LINES);
    const tags = groupByAsset(this.store.all())[0]?.tags ?? [];
    return tags
      .filter(({ type }) => type === 'double' || type === 'float' || type === 'long')
      .slice(0, FIRST_LINES)
      .map(({ path }) => path);
  }

  /** Gives the sparklines what was before. What cannot be had is only missing there. */
  private async remind(): Promise<void> {
    const tags = Array.from(this.store.all()).filter(({ type }) => isDrawable(type));
    const paths = tags.map(({ path }) => path);
    if (paths.length === 0 || paths.length > MAX_REMINDED) return;
    const toMs = this.nowMs();
    try {
      const span = { fromMs: toMs - REMINDED_MS, toMs };
      const columns = await loadPoints(paths, span, REMINDED_POINTS, AbortSignal.timeout(REMINDED_MS));
      for (const [path, { last }] of columns) this.store.get(path)?.remindOf(last.filter((value) => value !== null));
      this.assets.refresh(this.nowMs());
      this.banner.clear('history');
    } catch (error) {
      this.banner.problem('history', `The history cannot be shown. ${sayError(error)}`);
    }
  }

  private async askAlarms(): Promise<void> {
    await this.ask('alarms', async () => {
      const { items } = await getJson<Items<Alarm>>('/api/v1/alarms');
      this.alarms.show(items);
      this.assets.alarm(this.alarms.countByAsset());
      const open = items.filter(({ state }) => state === 'UNACK').length;
      const title = `${byTitle(this.site)}Millrace`;
      document.title = open === 0 ? title : `(${open}) ${title}`;
    });
  }

  private site = '';

  private async askState(): Promise<void> {
    await this.ask('state', async () => {
      const askedMs = Date.now();
      const status = await getJson<Status>('/api/v1/status');
      this.site = status.site;
      if (siteClock.use(status.timezone)) this.trend.useClock();
      this.header.showStatus(status, askedMs, Date.now());
      this.header.showForecast((await getJson<Items<Forecast>>('/api/v1/forecast')).items);
      this.header.showLinks((await getJson<Items<Link>>('/api/v1/links')).items);
      if (status.demo) this.faults.show((await getJson<Items<DemoFault>>('/api/v1/demo/faults')).items);
    });
    await this.askModels();
  }

  private async askModels(): Promise<void> {
    await this.ask('models', async () => {
      const { items } = await getJson<Items<Model>>('/api/v1/models');
      this.firstModels = items;
      this.models.show(items, this.nowMs());
    });
  }

  private async ask(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.banner.clear(what);
    } catch (error) {
      this.banner.problem(what, `The ${what} cannot be shown. ${sayError(error)}`);
    }
  }
}

function byTitle(site: string): string {
  return site === '' ? '' : `${site} – `;
}

new Dashboard().start();
