import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gateway, startGateway } from '../end-to-end/gateway.ts';
import { MqttDevice } from '../end-to-end/mqtt-device.ts';
import { startChromium } from '../services/chromium.ts';
import { requireService } from '../services/require.ts';
import { type SIZES, SOON, WatchedPage } from './watched-page.ts';

const chromium = requireService('chromium');
const SENT_EVERY_MS = 250;
const topics = [{ match: 'plant/+/+/+', payload: 'json', tag: '{1}/{2}/{3}', value: '$.value', time: '$.timestamp' }];
const names = ['flow', 'pressure', 'temperature'];

let browser: Browser;

/** Publishes a reading of each name again and again, on the device's own connection. */
class Feeder implements AsyncDisposable {
  private readonly device: MqttDevice;
  private readonly timer: NodeJS.Timeout;
  private readonly sent: Promise<void>[] = [];

  constructor(port: number) {
    this.device = new MqttDevice({ port, clientId: 'feeder' }).start();
    this.timer = setInterval(() => this.send(), SENT_EVERY_MS);
  }

  private send(): void {
    const timestamp = new Date().toISOString();
    for (const [at, name] of names.entries()) {
      const value = 100 + at * 10 + Math.sin(Date.now() / 2000 + at);
      this.sent.push(this.device.publish(`plant/water/loop1/${name}`, JSON.stringify({ timestamp, value })));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.sent);
    await this.device.end();
  }
}

async function points(page: Page): Promise<number> {
  return Number(await page.locator('#chart').getAttribute('data-points'));
}

/** First and last time of the trend, s of the day. */
async function span(page: Page): Promise<number> {
  const label = (await page.locator('#chart').getAttribute('aria-label')) ?? '';
  const [from = 0, to = 0] = Array.from(
    label.matchAll(/(\d\d):(\d\d):(\d\d)/g),
    ([, h, m, s]) => Number(h) * 3600 + Number(m) * 60 + Number(s),
  );
  return (to - from + 86_400) % 86_400;
}

/** Pixels of the chart that are drawn. */
function inked(page: Page): Promise<number> {
  return page.locator('#chart canvas').evaluate((canvas: HTMLCanvasElement) => {
    const data = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    let count = 0;
    for (let at = 3; at < data.length; at += 4) if ((data[at] ?? 0) > 0) count++;
    return count;
  });
}

async function open(gateway: Gateway, size: keyof typeof SIZES): Promise<WatchedPage> {
  const watched = await WatchedPage.open(browser, gateway.http, { size });
  await watched.page.locator('.tag').first().waitFor();
  return watched;
}

describe.skipIf(!chromium.available)('the dashboard of a gateway', () => {
  let gateway: Gateway;
  let feeder: Feeder;

  beforeAll(async () => {
    browser = await startChromium();
    gateway = await startGateway({ topics });
    feeder = new Feeder(gateway.mqttPort);
    await gateway.until('the tags are there', async () => {
      return ((await gateway.api('/api/v1/tags')) as { items: unknown[] }).items.length === names.length;
    });
  });

  afterAll(async () => {
    await feeder[Symbol.asyncDispose]();
    await gateway[Symbol.asyncDispose]();
    await browser.close();
  });

  test.each(['desktop', 'phone'] as const)(
    '%s: values of a device appear and move, the trend is drawn',
    async (size) => {
      await using watched = await open(gateway, size);
      const { page } = watched;
      await expect.poll(() => page.locator('.tag .name').allTextContents(), SOON).toEqual(names);
      await expect.poll(() => page.locator('.tag .protocol').allTextContents(), SOON).toEqual(['MQTT', 'MQTT', 'MQTT']);
      const flow = page.locator('.tag .number').first();
      await expect.poll(() => flow.textContent(), SOON).toMatch(/^(99|10[01])\.\d$/);
      const before = await flow.textContent();
      await expect.poll(() => flow.textContent(), SOON).not.toBe(before);
      await expect.poll(() => points(page), SOON).toBeGreaterThan(30);
      await expect.poll(() => inked(page), SOON).toBeGreaterThan(1000);
      await expect.poll(() => page.locator('#chips').textContent(), SOON).toContain('no destination');
      await watched.shoot(`gateway-${size}`);
      expect(await watched.barriers()).toEqual([]);
      expect(watched.wrongs()).toEqual([]);
    },
  );

  test('the trend is zoomed with the mouse and with keys, and comes back to now', async () => {
    await using watched = await open(gateway, 'desktop');
    const { page } = watched;
    await expect.poll(() => points(page), SOON).toBeGreaterThan(10);
    await expect.poll(() => span(page), SOON).toBe(300);
    const box = await page.locator('#chart .u-over').boundingBox();
    if (box === null) throw new Error('the chart has no place');
    await page.mouse.move(box.x + box.width * 0.7, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.9, box.y + 60, { steps: 5 });
    await page.mouse.up();
    await expect.poll(() => span(page), SOON).toBeLessThanOrEqual(61);
    await expect.poll(() => span(page), SOON).toBeGreaterThan(55);
    expect(await page.getByRole('button', { name: '5 min' }).getAttribute('aria-pressed')).toBe('false');
    await page.locator('#chart').focus();
    await page.keyboard.press('-');
    await expect.poll(() => span(page), SOON).toBeGreaterThan(90);
    await page.keyboard.press('Home');
    await expect.poll(() => span(page), SOON).toBe(300);
    await page.getByRole('button', { name: '1 h' }).click();
    await expect.poll(() => span(page), SOON).toBe(3600);
    expect(watched.wrongs()).toEqual([]);
  });

  test('values are chosen and taken away by a click, and are still chosen after a reload', async () => {
    await using watched = await open(gateway, 'desktop');
    const { page } = watched;
    const chosen = (): Promise<string[]> => page.locator('.legend .name').allTextContents();
    await expect.poll(chosen, SOON).toEqual(names);
    await page.locator('.tag').nth(1).click();
    await expect.poll(() => chosen(), SOON).toEqual(['flow', 'temperature']);
    await page.reload();
    await expect.poll(chosen, SOON).toEqual(['flow', 'temperature']);
    await expect
      .poll(() => page.locator('.tag[aria-pressed="true"] .name').allTextContents(), SOON)
      .toEqual(['flow', 'temperature']);
    expect(watched.wrongs()).toEqual([]);
  });

  test('after a restart of the gateway the page says so, then goes on by itself', async () => {
    await using watched = await open(gateway, 'desktop');
    const { page } = watched;
    await gateway.stop();
    await expect.poll(() => page.locator('#banner').textContent(), SOON).toContain('The gateway does not answer');
    await expect.poll(() => page.locator('#chips').textContent(), SOON).toContain('lost');
    gateway.start();
    await gateway.ready();
    await expect.poll(() => page.locator('#banner').isVisible(), SOON).toBe(false);
    const flow = page.locator('.tag .number').first();
    const before = await flow.textContent();
    await expect.poll(() => flow.textContent(), SOON).not.toBe(before);
  });
});
