"""The page's only script: values under the pointer. The page is complete without it."""

from __future__ import annotations

JS = """
const readouts = root => {
  const count = v => v.toLocaleString('en-US', {maximumFractionDigits: 0});
  const say = (v, kind) => v === null ? '\\u2013' : kind === 'percent' ? (100 * v).toFixed(1) + '\\u00a0%'
    : v.toLocaleString('en-US', {maximumSignificantDigits: 4});
  for (const figure of root.querySelectorAll('figure')) {
    const block = figure.querySelector('script.values'), svg = figure.querySelector('svg.plot');
    if (!block || !svg) continue;
    const data = JSON.parse(block.textContent), [low, high] = data.range;
    const tip = document.createElement('div');
    tip.className = 'tip';
    tip.hidden = true;
    const guide = document.createElementNS('http://www.w3.org/2000/svg', 'line');
    guide.setAttribute('class', 'guide');
    guide.setAttribute('y1', 0);
    guide.setAttribute('y2', svg.getAttribute('height'));
    const hide = () => { tip.hidden = true; guide.remove(); };
    const row = (name, value, strong) => {
      const div = document.createElement('div'), a = document.createElement('span'), b = document.createElement('b');
      a.textContent = name;
      b.textContent = value;
      div.append(a, b);
      return div;
    };
    const show = event => {
      const box = svg.getBoundingClientRect(), frame = figure.getBoundingClientRect();
      const want = low + (event.clientX - box.left) / box.width * (high - low);
      let best = 0;
      data.x.forEach((v, i) => { if (Math.abs(v - want) < Math.abs(data.x[best] - want)) best = i; });
      const share = (data.x[best] - low) / (high - low);
      guide.setAttribute('x1', 100 * share + '%');
      guide.setAttribute('x2', 100 * share + '%');
      svg.append(guide);
      tip.replaceChildren(row(data.xName, count(data.x[best])),
        ...data.lines.map(l => row(l.name, say(l.y[best], l.kind))));
      tip.hidden = false;
      const x = box.left - frame.left + share * box.width;
      tip.style.top = box.top - frame.top + 8 + 'px';
      tip.style.left = Math.max(0, x + 14 + tip.offsetWidth > frame.width ? x - 14 - tip.offsetWidth : x + 14) + 'px';
    };
    svg.addEventListener('pointermove', show);
    svg.addEventListener('pointerdown', show);
    svg.addEventListener('pointerleave', hide);
    figure.append(tip);
  }
};
readouts(document);
"""
