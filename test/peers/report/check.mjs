// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// check.mjs opens a run's report in a browser, light and dark, wide and as on a phone, and holds it to what a page must be:
// nothing is loaded, nothing fails, nothing overflows, axe-core finds nothing, and pointer and keyboard reach what there is.
//
//   node check.mjs REPORT.html [FOLDER for screenshots]
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import fs from 'node:fs';
import path from 'node:path';

const require = createRequire(path.join(process.env.PEERS, 'package.json'));
const puppeteer = require('puppeteer-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const [report, shots] = process.argv.slice(2);
const problems = [];
const check = (ok, what) => { if (!ok) problems.push(what); };

const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
const views = [
  { name: 'light', scheme: 'light', width: 1280 },
  { name: 'dark', scheme: 'dark', width: 1280 },
  { name: 'phone', scheme: 'light', width: 390 },
  { name: 'phone-dark', scheme: 'dark', width: 390 },
];
for (const view of views) {
  const page = await browser.newPage();
  page.on('pageerror', error => problems.push(`${view.name}: ${error}`));
  page.on('console', message => { if (message.type() === 'error' || message.type() === 'warning') problems.push(`${view.name}: ${message.text()}`); });
  page.on('request', request => { if (!/^(file|data):/.test(request.url())) problems.push(`${view.name}: asks for ${request.url()}`); });
  await page.setViewport({ width: view.width, height: 900 });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: view.scheme }]);
  await page.goto(pathToFileURL(report).href);
  if (shots) await page.screenshot({ path: path.join(shots, `${view.name}.png`), fullPage: true });

  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  check(width <= view.width, `${view.name}: the page is ${width} pixels wide`);
  await page.evaluate(() => { for (const details of document.querySelectorAll('details')) details.open = true; });
  await page.evaluate(axe); // past the page's policy, as the browser's own tools are
  const { violations, passes } = await page.evaluate(() => axe.run());
  check(passes.length > 20, `${view.name}: axe-core checked ${passes.length} rules only`);
  for (const v of violations) problems.push(`${view.name}: ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map(n => n.target + ' ' + n.failureSummary).join('; ')}`);

  // A pointer on a chart, and the arrow keys, say what a point is.
  for (const plot of await page.$$('.plot')) {
    const says = () => plot.$eval('.tip', tip => tip.textContent);
    await plot.scrollIntoView();
    const box = await plot.boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    check(await says() !== '', `${view.name}: a chart says nothing to a pointer`);
    await page.mouse.move(0, 0);
    await plot.focus();
    await page.keyboard.press('ArrowRight');
    const first = await says();
    await page.keyboard.press('End');
    check(first !== '' && await says() !== '', `${view.name}: a chart says nothing to the keyboard`);
  }

  // A cell of the matrix shows its pictures.
  const cell = await page.$('.matrix button');
  if (cell) {
    await cell.focus();
    await page.keyboard.press('Enter');
    const shown = await page.$$eval('#cells li:not([hidden])', items => items.map(item => item.dataset.label + item.dataset.predicted));
    const count = await cell.evaluate(button => parseInt(button.textContent, 10));
    check(shown.length > 0 === count > 0 && shown.every(of => of === '00'), `${view.name}: the first cell, of ${count}, shows ${shown}`);
  }

  // The threshold picker answers.
  const picker = await page.$('#picker-threshold');
  if (picker) {
    const recall = () => page.$eval('#picker-recall', e => e.textContent);
    await picker.focus();
    await page.keyboard.press('Home');
    check(await recall() === '100.0 %', `${view.name}: the recall at 0 is ${await recall()}`);
    await page.keyboard.press('End');
    check(await page.$eval('#picker-value', e => e.textContent) === '1.00', `${view.name}: the threshold does not follow the keyboard`);
  }
  if (shots) await page.screenshot({ path: path.join(shots, `${view.name}-open.png`), fullPage: true });
  await page.close();
}
if (shots) {
  const page = await browser.newPage();
  await page.goto(pathToFileURL(report).href);
  await page.pdf({ path: path.join(shots, 'print.pdf'), format: 'A4', printBackground: true });
}
await browser.close();

const bytes = fs.statSync(report).size;
check(bytes <= 2 << 20, `the page has ${bytes} bytes`);
for (const problem of problems) console.error(problem);
console.log(`${report}: ${bytes} bytes, ${views.length} views, ${problems.length} problems`);
process.exit(problems.length ? 1 : 0);
