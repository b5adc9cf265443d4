import { readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { DASHBOARD_PAGE, DashboardFiles } from './dashboard-files.ts';
import { MemoryServices, serverOf } from './services-kit.ts';

const folder = path.join(import.meta.dirname, '..', 'dashboard');
const modules = readdirSync(folder).filter((name) => /(?<!\.test)\.ts$/.test(name));
const api = serverOf(new MemoryServices());

afterAll(async () => {
  await api.close();
});

async function get(url: string, headers: Record<string, string> = {}) {
  return api.inject({ method: 'GET', url, headers });
}

describe('the dashboard', () => {
  test('is one page without a script or style of its own, under a strict policy', async () => {
    const { statusCode, headers, body } = await get('/');
    expect([statusCode, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(headers['content-security-policy']).toContain("default-src 'self'");
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(body).not.toMatch(/<style|<script(?![^>]* src=)|\sstyle=|\son\w+=|https?:/);
  });

  test('every address that the page names is served', async () => {
    const { body } = await get('/');
    const addresses = Array.from(body.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g), ([, address = '']) => address);
    expect(addresses.length).toBeGreaterThanOrEqual(4);
    for (const address of addresses) expect([address, (await get(address)).statusCode]).toEqual([address, 200]);
  });

  test.each(modules)('%s is served as a script without types, whose imports are served too', async (name) => {
    const { headers, body } = await get(`/assets/${name}`);
    expect(headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect(body).not.toMatch(/\binterface \w+ \{|import type/);
    for (const [, specifier = ''] of body.matchAll(/^(?:import|\} from|export).*? from '([^']+)';$/gm)) {
      expect([specifier, (await get(`/assets/${path.posix.normalize(specifier)}`)).statusCode]).toEqual([
        specifier,
        200,
      ]);
    }
  });

  test('a file that has not changed is not sent again', async () => {
    const { headers } = await get('/assets/main.ts');
    expect(headers['cache-control']).toBe('no-cache');
    const again = await get('/assets/main.ts', { 'if-none-match': String(headers.etag) });
    expect([again.statusCode, again.body]).toEqual([304, '']);
    expect((await get('/assets/main.ts', { 'if-none-match': '"other"' })).statusCode).toBe(200);
  });

  test.each([
    '/assets/main.js',
    '/assets/format.test.ts',
    '/assets/tsconfig.json',
    '/assets/..%2Fapi%2Fserver.ts',
    '/assets/',
    '/assets/__proto__',
  ])('%s is not there', async (url) => {
    expect((await get(url)).statusCode).toBe(404);
  });

  test('takes types out without a warning on the terminal', () => {
    const warnings: unknown[] = [];
    const keep = (warning: unknown): void => void warnings.push(warning);
    process.on('warning', keep);
    expect(new DashboardFiles().file('format.ts')?.body).toContain('export function');
    expect(new DashboardFiles().file(DASHBOARD_PAGE)?.body).toContain('<!doctype html>');
    process.off('warning', keep);
    expect(warnings).toEqual([]);
  });
});
