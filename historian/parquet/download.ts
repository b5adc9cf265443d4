import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream/promises';

/** After this long, ms, without a byte a server does not answer. */
const SILENCE_MS = 30_000;
/** Characters of an error that are read. */
const MAX_SAID = 10_000;

/**
 * Brings what lies at an address into a file, whole or not at all; false: there is nothing there (404). Any other answer is an error with its `status` and `body`. Through Node's own HTTP: its `fetch` (undici) ends the process with a failed assertion where the
 * server closes the connection while what came is still being written (seen with Node 24.21 and 40 MB).
 */
export async function download(url: string, file: string): Promise<boolean> {
  const response = await get(url);
  const { statusCode = 0 } = response;
  if (statusCode === 200) {
    await pipeline(response, fs.createWriteStream(file));
    return true;
  }
  if (statusCode === 404) {
    response.resume();
    return false;
  }
  throw Object.assign(new Error(`HTTP status ${statusCode}`), {
    status: statusCode,
    body: await beginningOf(response),
  });
}

/** What a server says of an error, which is short. */
async function beginningOf(response: http.IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of response.setEncoding('utf8') as AsyncIterable<string>) {
    text += part;
    if (text.length > MAX_SAID) break;
  }
  return text;
}

function get(url: string): Promise<http.IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const client = url.startsWith('https:') ? https : http;
  const request = client.get(url, { timeout: SILENCE_MS }, resolve);
  request.once('timeout', () => request.destroy(new Error(`no answer for ${SILENCE_MS} ms`)));
  request.once('error', reject);
  return promise;
}
