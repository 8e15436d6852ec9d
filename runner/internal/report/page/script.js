'use strict';
(() => {
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
  const id = name => document.getElementById(name);

  for (const hidden of all('.scripted, .copy, .picker')) hidden.hidden = false;

  // Charts: the nearest point says what it is, to a pointer and to the arrow keys.
  for (const plot of all('.plot')) {
    const svg = plot.querySelector('svg'), cursor = plot.querySelector('.cursor'), tip = plot.querySelector('.tip');
    const points = JSON.parse(plot.dataset.points || '[]') || [], box = svg.viewBox.baseVal;
    let at = -1;
    const show = i => {
      at = i;
      if (i < 0) {
        cursor.setAttribute('cx', -20);
        cursor.setAttribute('cy', -20);
        tip.textContent = '';
        return;
      }
      const [x, y, , says] = points[i];
      cursor.setAttribute('cx', x);
      cursor.setAttribute('cy', y);
      tip.textContent = says;
      const left = x / box.width, top = y / box.height;
      tip.style.left = left < 0.5 ? 100 * left + 3 + '%' : 'auto';
      tip.style.right = left < 0.5 ? 'auto' : 100 * (1 - left) + 3 + '%';
      tip.style.top = top < 0.5 ? 100 * top + 3 + '%' : 'auto';
      tip.style.bottom = top < 0.5 ? 'auto' : 100 * (1 - top) + 3 + '%';
    };
    const nearest = event => {
      const on = svg.getBoundingClientRect();
      const x = (event.clientX - on.left) / on.width * box.width, y = (event.clientY - on.top) / on.height * box.height;
      let best = -1, least = Infinity;
      points.forEach(([px, py], i) => {
        const far = (px - x) ** 2 + (py - y) ** 2;
        if (far < least) [best, least] = [i, far];
      });
      show(best);
    };
    plot.addEventListener('pointermove', nearest);
    plot.addEventListener('pointerdown', nearest);
    plot.addEventListener('pointerleave', () => show(-1));
    plot.addEventListener('blur', () => show(-1));
    plot.addEventListener('keydown', event => {
      const to = { ArrowRight: at + 1, ArrowLeft: at < 0 ? points.length - 1 : at - 1, Home: 0, End: points.length - 1 }[event.key];
      if (event.key === 'Escape') show(-1);
      if (to === undefined || points.length === 0) return;
      event.preventDefault();
      show((to + points.length) % points.length);
    });
  }

  // The matrix: a cell shows its images.
  const cells = id('cells');
  if (cells) {
    const buttons = all('.matrix button'), images = all('li', cells), says = id('cells-says');
    const choose = button => {
      let shown = 0;
      for (const image of images) {
        const of = button && image.dataset.label === button.dataset.label && image.dataset.predicted === button.dataset.predicted;
        image.hidden = !of;
        if (of) shown++;
      }
      for (const other of buttons) other.setAttribute('aria-pressed', other === button);
      const n = button ? parseInt(button.textContent, 10) : 0;
      says.textContent = !button ? '' : button.dataset.says + (n > shown ? '; ' + shown + ' of them are here:' : ':');
      if (n === 0) says.textContent = says.textContent.replace(':', '.');
    };
    if (buttons.length) choose(null);
    for (const button of buttons) button.addEventListener('click', () => choose(button.getAttribute('aria-pressed') === 'true' ? null : button));
  }

  // The threshold picker.
  const picked = id('picker-threshold');
  if (picked) {
    const chosen = id('picker-class'), percent = v => Number.isFinite(v) ? (100 * v).toFixed(1) + ' %' : 'none';
    const update = () => {
      const option = chosen.selectedOptions[0], counts = JSON.parse(option.dataset.counts), at = Number(picked.value);
      const [positives, negatives] = counts, right = counts[2 + 2 * at], wrong = counts[3 + 2 * at];
      const precision = right / (right + wrong), recall = right / positives;
      id('picker-value').textContent = (at / 100).toFixed(2);
      id('picker-precision').textContent = percent(precision);
      id('picker-recall').textContent = percent(recall);
      id('picker-false').textContent = percent(wrong / negatives);
      id('picker-f1').textContent = right ? (2 * precision * recall / (precision + recall)).toFixed(4) : '0.0000';
      id('picker-says').textContent = (right + wrong) + ' of ' + (positives + negatives) + ' test images are taken for ' + option.textContent + ', ' + right + ' of them rightly. ' + option.dataset.best;
    };
    chosen.addEventListener('change', update);
    picked.addEventListener('input', update);
    picked.form.addEventListener('submit', event => event.preventDefault());
    update();
  }

  for (const button of all('.copy')) {
    button.addEventListener('click', async () => {
      const source = id(button.dataset.copies);
      try {
        await navigator.clipboard.writeText(source.textContent);
        button.textContent = 'Copied';
      } catch {
        getSelection().selectAllChildren(source); // a file has no access to the clipboard otherwise
        button.textContent = document.execCommand('copy') ? 'Copied' : 'Selected';
      }
      setTimeout(() => { button.textContent = 'Copy'; }, 2000);
    });
  }

  addEventListener('beforeprint', () => { for (const details of all('details')) details.open = true; });
})();
