// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// check.mjs uses a server's page in a browser as people do, light and dark, wide and as on a phone: pictures are chosen, dropped
// and pasted, one of them is none, the keyboard reaches all of it, axe-core finds nothing, and nothing else is loaded.
//
//   node check.mjs URL PICTURE [FOLDER for screenshots]
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';

const require = createRequire(path.join(process.env.PEERS, 'package.json'));
const puppeteer = require('puppeteer-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const [url, picture, shots] = process.argv.slice(2);
const problems = [];
const check = (ok, what) => { if (!ok) problems.push(what); };
const origin = new URL(url).origin;
const encoded = fs.readFileSync(picture).toString('base64');

const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
const views = [
  { name: 'light', scheme: 'light', width: 1000 },
  { name: 'dark', scheme: 'dark', width: 1000 },
  { name: 'phone', scheme: 'light', width: 390 },
  { name: 'phone-dark', scheme: 'dark', width: 390 },
];
let checks = 0;
for (const view of views) {
  const page = await browser.newPage();
  page.on('pageerror', error => problems.push(`${view.name}: ${error}`));
  page.on('console', message => {
    const refused = /status of 4\d\d/.test(message.text()); // of the picture that is none
    if (['error', 'warning'].includes(message.type()) && !refused) problems.push(`${view.name}: ${message.text()}`);
  });
  page.on('request', request => { if (!/^(blob|data):/.test(request.url()) && new URL(request.url()).origin !== origin) problems.push(`${view.name}: asks for ${request.url()}`); });
  await page.setViewport({ width: view.width, height: 900 });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: view.scheme }]);
  await page.goto(url);
  await page.waitForSelector('#facts dd');

  const answers = () => page.$$eval('#answers > li', items => items.map(item => item.querySelector('h3')?.textContent ?? item.querySelector('.wrong')?.textContent ?? ''));
  const answered = async (n, what) => {
    await page.waitForFunction(n => document.querySelectorAll('#answers h3, #answers .wrong').length === n, {}, n)
      .catch(() => problems.push(`${view.name}: ${what}: not answered`));
  };
  await (await page.$('#file')).uploadFile(picture, picture);
  await answered(2, 'two pictures that were chosen');
  // What is dropped or pasted, as the browser would hand it over.
  const hand = (event, text) => page.evaluate((event, text) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(text), c => c.charCodeAt(0))], 'handed.jpg', { type: 'image/jpeg' }));
    const e = event === 'paste' ? new ClipboardEvent(event, { clipboardData: data, bubbles: true }) : new DragEvent(event, { dataTransfer: data, bubbles: true, cancelable: true });
    document.body.dispatchEvent(e);
  }, event, text);
  await hand('drop', encoded);
  await answered(3, 'a picture that was dropped');
  await hand('paste', encoded);
  await answered(4, 'a picture that was pasted');
  await hand('drop', btoa('no picture'));
  await answered(5, 'what is no picture');
  const shown = await answers();
  check(/^unsupported image format/.test(shown[0]), `${view.name}: what is no picture is answered with ${shown[0]}`);
  check(new Set(shown.slice(1)).size === 1 && shown[1] !== '', `${view.name}: one picture is taken for ${shown}`);

  // The keyboard alone: what the network looked at, a label, the last requests.
  const press = async (selector, key) => { await (await page.$(selector)).focus(); await page.keyboard.press(key); };
  await press('#answers > li:nth-child(2) button', 'Enter');
  await page.waitForSelector('#answers canvas').catch(() => problems.push(`${view.name}: no map of what it looked at`));
  check(/rests most/.test(await page.$eval('#answers canvas', c => c.ariaLabel)), `${view.name}: the map says nothing to who doesn't see it`);
  await press('#answers > li:nth-child(2) select', 'ArrowDown');
  await page.waitForFunction(() => /Noted/.test(document.getElementById('said').textContent)).catch(() => problems.push(`${view.name}: a label is not noted`));
  await press('#recent > summary', 'Enter');
  await page.waitForSelector('#requests td').catch(() => problems.push(`${view.name}: no requests are listed`));
  if (await page.$('#tested:not([hidden])')) await press('#tested > summary', 'Enter');
  else problems.push(`${view.name}: no confusion matrix`);
  await page.waitForFunction(() => document.querySelector('#rates polyline').getAttribute('points')?.includes(' ')).catch(() => problems.push(`${view.name}: no charts`));
  const reached = new Set();
  await page.evaluate(() => document.activeElement.blur());
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    reached.add(await page.evaluate(() => document.activeElement.id || document.activeElement.tagName));
  }
  for (const wanted of ['file', 'camera', 'clear', 'BUTTON', 'SELECT', 'SUMMARY', 'A']) check(reached.has(wanted), `${view.name}: Tab does not reach ${wanted}`);

  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  check(width <= view.width, `${view.name}: the page is ${width} pixels wide`);
  const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).reduce((a, b) => a + +b, 0));
  check(ground < 384 === (view.scheme === 'dark'), `${view.name}: the ground is ${ground}`);
  await page.evaluate(axe); // past the page's policy, as the browser's own tools are
  const { violations, passes } = await page.evaluate(() => axe.run());
  checks += passes.length;
  check(passes.length > 20, `${view.name}: axe-core checked ${passes.length} rules only`);
  for (const v of violations) problems.push(`${view.name}: ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map(n => n.target + ' ' + n.failureSummary).join('; ')}`);
  if (shots) {
    await page.evaluate(() => { for (const item of [...document.querySelectorAll('#answers > li')].filter((_, i) => i > 1)) item.remove(); scrollTo(0, 0); });
    await page.screenshot({ path: path.join(shots, `page-${view.name}.png`), fullPage: true });
  }
  await press('#clear', 'Enter');
  check((await answers()).length === 0, `${view.name}: Clear leaves pictures`);
  await page.close();
}
await browser.close();

for (const problem of problems) console.error(problem);
console.log(`${url}: ${views.length} views, axe-core passed ${checks} rules, ${problems.length} problems`);
process.exit(problems.length ? 1 : 0);
