import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ApiServer } from '../../edge/api/server.ts';
import { serverOf } from '../../edge/api/services-kit.ts';
import { startChromium } from '../services/chromium.ts';
import { requireService } from '../services/require.ts';
import { shiftsSoFar, watchShifts } from './page-checks.ts';
import { loopAlarm, PlantServices, pressAlarm, someModels } from './plant-services.ts';
import { SOON, WatchedPage, type Look } from './watched-page.ts';

const chromium = requireService('chromium');
const looks: Look[] = [
  { size: 'desktop', colorScheme: 'light' },
  { size: 'desktop', colorScheme: 'dark' },
  { size: 'phone', colorScheme: 'light' },
  { size: 'phone', colorScheme: 'dark' },
];
const FLOW = '[data-tag="northmill/water/loop1/flow"]';

/** The page over a plant in memory; alarms and faults as the test sets them. */
class Stage implements AsyncDisposable {
  readonly services: PlantServices;
  private readonly api: ApiServer;
  private readonly opened: WatchedPage[] = [];

  constructor(extraTags = 0) {
    this.services = new PlantServices(extraTags).begin(extraTags > 0 ? 5000 : 600_000);
    this.services.standing = [loopAlarm(), pressAlarm()];
    this.services.modelItems = someModels();
    this.api = serverOf(this.services);
  }

  async open(look: Look): Promise<WatchedPage> {
    const { host, port } = await this.api.listen();
    const watched = await WatchedPage.open(browser, `http://${host}:${port}`, look);
    this.opened.push(watched);
    await watched.page.locator('.tag').first().waitFor();
    return watched;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.opened) await each[Symbol.asyncDispose]();
    this.services.end();
    await this.api.close();
  }
}

let browser: Browser;

describe.skipIf(!chromium.available)('the dashboard', () => {
  beforeAll(async () => {
    browser = await startChromium();
  });

  afterAll(async () => {
    await browser.close();
  });

  test.each(looks)('$size, $colorScheme: everything is there, can be read, and stays in its place', async (look) => {
    await using stage = new Stage();
    const watched = await stage.open(look);
    const { page } = watched;
    await page.locator('.alarm').nth(1).waitFor();
    await expect.poll(() => page.locator('#chips').textContent(), SOON).toContain('no destination');
    for (const text of ['live', 'full in 41 h', 'ready'])
      await expect.poll(() => page.locator('#chips').textContent(), SOON).toContain(text);
    await expect.poll(() => page.locator('.tag').count(), SOON).toBe(48);
    await expect
      .poll(() => page.locator('.model').allTextContents(), SOON)
      .toEqual([expect.stringContaining('2.31, limit 1.00') as string, expect.stringContaining('43 %') as string]);
    await expect.poll(() => page.locator('#chart').getAttribute('data-points').then(Number), SOON).toBeGreaterThan(500);
    // From here on nothing may move but the values.
    await expect.poll(() => page.locator('.reasons').textContent(), SOON).toContain('m³/h');
    await page.evaluate(watchShifts);
    const before = await page.locator(`${FLOW} .number`).textContent();
    await expect.poll(() => page.locator(`${FLOW} .number`).textContent(), SOON).not.toBe(before);
    await watched.shoot(`${look.size}-${look.colorScheme}`);
    expect(await watched.barriers()).toEqual([]);
    expect(await page.evaluate(shiftsSoFar)).toBe(0);
    expect(watched.wrongs()).toEqual([]);
  });

  test('quality and age are told in words, not in colour alone', async () => {
    await using stage = new Stage();
    const { page } = await stage.open({ size: 'desktop' });
    const textOf = (name: string) => page.locator(`[data-tag="northmill/pressing/press1/${name}"]`).textContent();
    await expect.poll(() => textOf('oil-level'), SOON).toContain('device failure');
    await expect.poll(() => textOf('die-temperature'), SOON).toContain('last usable value');
    await expect.poll(() => textOf('humidity'), SOON).toMatch(/min old/);
    await expect.poll(() => page.locator(FLOW).textContent(), SOON).toMatch(/^flowOPC UA1\d\d\.\dm³\/h$/);
  });

  test('times are those of the site, and an earlier day is found by its date', async () => {
    await using stage = new Stage();
    stage.services.calendar = { ...stage.services.calendar, timezone: 'Asia/Kathmandu' };
    const watched = await stage.open({ size: 'desktop' });
    const { page } = watched;
    const label = () => page.locator('#chart').getAttribute('aria-label');
    await expect.poll(() => page.locator('#zone').textContent(), SOON).toBe('Asia/Kathmandu');
    const here = new Intl.DateTimeFormat('sv-SE', {
      timeZone: 'Asia/Kathmandu',
      dateStyle: 'short',
      timeStyle: 'short',
    });
    await expect.poll(label, SOON).toMatch(/ to \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    const [, shown = ''] = / to (.{16})/.exec((await label()) ?? '') ?? [];
    expect([-1, 0, 1].map((minutes) => here.format(Date.now() + minutes * 60_000))).toContain(shown);
    await page.locator('#start').fill('2026-03-01T12:00');
    await expect.poll(label, SOON).toContain(' from 2026-03-01 12:00:00 to 2026-03-01 12:05:00');
    await expect.poll(() => page.locator('.note').textContent(), SOON).toContain('No samples in this span');
    await page.getByRole('button', { name: '7 d', exact: true }).click();
    await expect.poll(label, SOON).toContain(' from 2026-03-01 12:00:00 to 2026-03-08 12:00:00');
    await page.getByRole('button', { name: 'Now', exact: true }).click();
    await expect.poll(() => page.locator('#start').inputValue(), SOON).not.toContain('2026-03-01');
    expect(watched.wrongs()).toEqual([]);
  });

  test('an alarm shows its reasons, ranked, and is acknowledged', async () => {
    await using stage = new Stage();
    const watched = await stage.open({ size: 'desktop' });
    const { page } = watched;
    const alarm = page.locator('[data-alarm="model/loop1-health"]');
    const reasons = alarm.locator('.reasons li');
    await expect.poll(() => reasons.first().textContent(), SOON).toBe('flow52 %expected 118.2, seen 84.6 m³/h');
    expect(await reasons.locator('.percent').allTextContents()).toEqual(['52 %', '27 %', '13 %', '5 %']);
    await expect.poll(() => page.title(), SOON).toBe('(1) northmill – Millrace');
    await alarm.getByRole('button', { name: 'Acknowledge loop1-health' }).click();
    await expect.poll(() => alarm.locator('.state').textContent(), SOON).toBe('Acknowledged');
    expect(stage.services.actions).toEqual([{ id: 'model/loop1-health', action: 'acknowledge', by: 'operator' }]);
    await expect.poll(() => page.title(), SOON).toBe('northmill – Millrace');
    stage.services.standing = [];
    await expect.poll(() => page.locator('#alarms').textContent(), SOON).toContain('No alarms.');
    expect(watched.wrongs()).toEqual([]);
  });

  test('an action that is refused says why', async () => {
    await using stage = new Stage();
    const { page } = await stage.open({ size: 'desktop' });
    const button = page.getByRole('button', { name: 'Acknowledge loop1-health' });
    await button.waitFor();
    stage.services.alarmAction = () => {
      throw new Error('the log is closed');
    };
    await button.click();
    await expect.poll(() => page.locator('.alarm .error').first().textContent(), SOON).toContain('the log is closed');
  });

  test('a fault is switched on and off with the keyboard', async () => {
    await using stage = new Stage();
    const watched = await stage.open({ size: 'desktop' });
    const { page } = watched;
    await page.getByRole('button', { name: 'Break something' }).focus();
    await page.keyboard.press('Enter');
    const toggle = page.getByRole('switch', { name: 'Valve partly closed' });
    await toggle.focus();
    await page.keyboard.press('Space');
    await expect.poll(() => toggle.getAttribute('aria-checked'), SOON).toBe('true');
    expect(stage.services.demo?.faults().map(({ active }) => active)).toEqual([true, false, false]);
    await expect.poll(() => page.locator('#break').textContent(), SOON).toContain('1 broken');
    await watched.shoot('faults');
    expect(await watched.barriers()).toEqual([]);
    await page.keyboard.press('Space');
    await expect.poll(() => toggle.getAttribute('aria-checked'), SOON).toBe('false');
    await page.keyboard.press('Escape');
    await expect.poll(() => page.locator('#faults').isVisible(), SOON).toBe(false);
    expect(watched.wrongs()).toEqual([]);
  });

  test('a gateway that is no demo has no such menu', async () => {
    await using stage = new Stage();
    stage.services.demo = undefined;
    const watched = await stage.open({ size: 'desktop' });
    await expect.poll(() => watched.page.locator('#chips').textContent(), SOON).toContain('ready');
    await expect.poll(() => watched.page.locator('#break').isVisible(), SOON).toBe(false);
    expect(watched.wrongs()).toEqual([]);
  });

  test('with 10,000 tags the page shows some, finds any, and does not freeze', async () => {
    await using stage = new Stage(10_000);
    const watched = await stage.open({ size: 'desktop' });
    const { page } = watched;
    await expect.poll(() => page.locator('#tag-count').textContent(), SOON).toBe('10\u202f048 tags');
    await expect.poll(() => page.locator('.tag').count(), SOON).toBeLessThan(200);
    await page.getByLabel('Search tags').fill('hall s09876');
    const found = page.locator('.tag');
    await expect.poll(() => found.count(), SOON).toBe(1);
    await expect.poll(() => found.locator('.name').textContent(), SOON).toBe('s09876');
    const before = await found.locator('.number').textContent();
    await expect.poll(() => found.locator('.number').textContent(), SOON).not.toBe(before);
    expect(watched.wrongs()).toEqual([]);
  });

  test('a gateway without tags and models tells what to do', async () => {
    await using stage = new Stage();
    const { services } = stage;
    services.tags = () => [];
    services.modelItems = [];
    const { host, port } = await serverOf(services).listen();
    await using watched = await WatchedPage.open(browser, `http://${host}:${port}`, { size: 'phone' });
    await expect.poll(() => watched.page.locator('#assets').textContent(), SOON).toContain('configure a connector');
    await expect.poll(() => watched.page.locator('#models').textContent(), SOON).toContain('No models.');
    await expect.poll(() => watched.page.locator('#chart').textContent(), SOON).toContain('Choose values below');
  });
});
