import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { faintTexts } from './contrast.ts';
import { doubledIds, isTooWide, namelessControls, seenTexts } from './page-checks.ts';

export const SIZES = {
  desktop: { width: 1440, height: 900 },
  phone: { width: 390, height: 844 },
} as const;

/** For `expect.poll`: asks again and again for half a minute. */
export const SOON = { timeout: 30_000 } as const;

export interface Look {
  readonly size: keyof typeof SIZES;
  readonly colorScheme?: 'light' | 'dark';
}

/** A page of the dashboard that keeps what it asked for and what it complained about. */
export class WatchedPage implements AsyncDisposable {
  readonly page: Page;
  readonly complaints: string[] = [];
  readonly addresses: string[] = [];
  private readonly origin: string;

  private constructor(page: Page, origin: string) {
    this.page = page;
    this.origin = origin;
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(String(error.stack)));
    page.on('request', (request) => this.addresses.push(request.url()));
  }

  /** Opens the dashboard of this origin in a browser of its own memory. */
  static async open(browser: Browser, origin: string, { size, colorScheme = 'light' }: Look): Promise<WatchedPage> {
    const context = await browser.newContext({
      viewport: SIZES[size],
      colorScheme,
      hasTouch: size === 'phone',
      deviceScaleFactor: size === 'phone' ? 2 : 1,
    });
    const watched = new WatchedPage(await context.newPage(), origin);
    await watched.page.goto(origin);
    return watched;
  }

  /** What the page complained about, and what it asked for elsewhere. */
  wrongs(): string[] {
    const elsewhere = this.addresses.filter((address) => !address.startsWith(`${this.origin}/`));
    return [...this.complaints, ...elsewhere.map((address) => `asked for ${address}`)];
  }

  /** What keeps readers with a screen reader, weak eyes or a small screen from it. */
  async barriers(): Promise<string[]> {
    const { page } = this;
    const wide = (await page.evaluate(isTooWide)) ? ['wider than the screen'] : [];
    const nameless = await page.evaluate(namelessControls);
    const doubled = await page.evaluate(doubledIds);
    return [...nameless, ...doubled, ...faintTexts(await page.evaluate(seenTexts)), ...wide];
  }

  /** A picture, where somebody wants pictures. */
  async shoot(name: string): Promise<void> {
    const folder = process.env['MILLRACE_TEST_SHOTS'];
    if (folder === undefined || folder === '') return;
    mkdirSync(folder, { recursive: true });
    await this.page.screenshot({ path: join(folder, `${name}.png`) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
  }
}
