// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// check.mjs looks at the dashboard in a browser as people do, light and dark, wide and as on a phone: an object is chosen with
// the keyboard, its sections, curves and traffic come, axe-core finds nothing, and nothing is loaded from elsewhere.
//
//   node check.mjs URL SERVER RUN [FOLDER for screenshots]
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';

const require = createRequire(path.join(process.env.PEERS, 'package.json'));
const puppeteer = require('puppeteer-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const [url, server, run, shots] = process.argv.slice(2);
const problems = [];
const check = (ok, what) => { if (!ok) problems.push(what); };
const origin = new URL(url).origin;

const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
const views = [
  { name: 'light', scheme: 'light', width: 1280 },
  { name: 'dark', scheme: 'dark', width: 1280 },
  { name: 'phone', scheme: 'light', width: 390 },
  { name: 'phone-dark', scheme: 'dark', width: 390 },
];
let checks = 0;
for (const view of views) {
  const page = await browser.newPage();
  page.on('pageerror', error => problems.push(`${view.name}: ${error}`));
  page.on('console', message => { if (['error', 'warning'].includes(message.type())) problems.push(`${view.name}: ${message.text()}`); });
  page.on('request', request => { if (!/^(blob|data):/.test(request.url()) && new URL(request.url()).origin !== origin) problems.push(`${view.name}: asks for ${request.url()}`); });
  await page.setViewport({ width: view.width, height: 900 });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: view.scheme }]);
  await page.goto(url);
  await page.waitForSelector('#servers a').catch(() => problems.push(`${view.name}: no servers are listed`));
  check(/Choose/.test(await page.$eval('#hint', e => e.textContent)), `${view.name}: nothing says that an object can be chosen`);

  // An object is chosen by the keyboard alone.
  const choose = async (ref, section) => {
    await page.evaluate(() => document.activeElement.blur());
    let found = false;
    for (let i = 0; i < 60 && !found; i++) {
      await page.keyboard.press('Tab');
      found = await page.evaluate(ref => document.activeElement.hash === '#' + ref, ref);
    }
    check(found, `${view.name}: Tab doesn't reach ${ref}`);
    await page.keyboard.press('Enter');
    await page.waitForFunction((ref, section) => document.querySelector('a[aria-current]')?.hash === '#' + ref &&
      [...document.querySelectorAll('#sections h2')].some(h => h.textContent === section), {}, ref, section)
      .catch(() => problems.push(`${view.name}: ${ref} isn't shown`));
  };
  const inspect = async what => {
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    check(width <= view.width, `${view.name}: with ${what} the page is ${width} pixels wide`);
    await page.evaluate(axe); // past the page's policy, as the browser's own tools are
    const { violations, passes } = await page.evaluate(() => axe.run());
    checks += passes.length;
    check(passes.length > 15, `${view.name}: axe-core checked ${passes.length} rules only`);
    for (const v of violations) problems.push(`${view.name}: ${what}: ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map(n => n.target + ' ' + n.failureSummary).join('; ')}`);
    if (shots) await page.screenshot({ path: path.join(shots, `dashboard-${what}-${view.name}.png`), fullPage: true });
  };
  await choose(`trainingrun/${run}`, 'Progress');
  const points = await page.$$eval('#epochs polyline', lines => lines.map(l => l.getAttribute('points').split(' ').length));
  check(points.length === 4 && points.every(n => n > 1), `${view.name}: the curves have ${points} points`);
  check(await page.$eval('#traffic', e => e.hidden), `${view.name}: a run has traffic`);
  await inspect('run');
  await choose(`modelserver/${server}`, 'Revisions');
  check(await page.$eval('#curves', e => e.hidden), `${view.name}: a server has curves`);
  check((await page.$eval('#sections', e => e.textContent)).includes('live'), `${view.name}: no live revision`);
  if (shots) await page.waitForFunction(() => (document.querySelector('#rates polyline')?.getAttribute('points').split(' ').length ?? 0) > 5);
  await inspect('server');
  const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).reduce((a, b) => a + +b, 0));
  check(ground < 384 === (view.scheme === 'dark'), `${view.name}: the ground is ${ground}`);
  await page.close();
}
await browser.close();

for (const problem of problems) console.error(problem);
console.log(`${url}: ${views.length} views, axe-core passed ${checks} rules, ${problems.length} problems`);
process.exit(problems.length ? 1 : 0);
