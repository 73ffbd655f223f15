/* Shows the values under the pointer; the page is complete without it.

   Every chart carries its values as a JSON block: {xName, range, x, lines: [{name, tone, kind, y}]}. */

const readouts = root => {
  const count = v => v.toLocaleString('en-US', {maximumFractionDigits: 0});
  const say = (v, kind) => {
    if (v === null) return '\u2013';
    if (kind === 'percent') return (100 * v).toFixed(1) + '\u00a0%';
    return v.toLocaleString('en-US', {maximumSignificantDigits: 4});
  };
  const row = (name, value) => {
    const div = document.createElement('div');
    const label = document.createElement('span');
    const number = document.createElement('b');
    label.textContent = name;
    number.textContent = value;
    div.append(label, number);
    return div;
  };

  for (const figure of root.querySelectorAll('figure')) {
    const block = figure.querySelector('script.values');
    const svg = figure.querySelector('svg.plot');
    if (!block || !svg) continue;
    const data = JSON.parse(block.textContent);
    const [low, high] = data.range;

    const tip = document.createElement('div');
    tip.className = 'tip';
    tip.hidden = true;
    const guide = document.createElementNS('http://www.w3.org/2000/svg', 'line');
    guide.setAttribute('class', 'guide');
    guide.setAttribute('y1', 0);
    guide.setAttribute('y2', svg.getAttribute('height'));

    const hide = () => {
      tip.hidden = true;
      guide.remove();
    };
    const show = event => {
      const box = svg.getBoundingClientRect();
      const frame = figure.getBoundingClientRect();
      const want = low + (event.clientX - box.left) / box.width * (high - low);
      let best = 0;
      data.x.forEach((v, i) => {
        if (Math.abs(v - want) < Math.abs(data.x[best] - want)) best = i;
      });

      const share = (data.x[best] - low) / (high - low);
      guide.setAttribute('x1', 100 * share + '%');
      guide.setAttribute('x2', 100 * share + '%');
      svg.append(guide);

      const lines = data.lines.map(l => row(l.name, say(l.y[best], l.kind)));
      tip.replaceChildren(row(data.xName, count(data.x[best])), ...lines);
      tip.hidden = false;

      // beside the guide: on its left where there is no room on its right
      const x = box.left - frame.left + share * box.width;
      const left = x + 14 + tip.offsetWidth > frame.width ? x - 14 - tip.offsetWidth : x + 14;
      tip.style.top = box.top - frame.top + 8 + 'px';
      tip.style.left = Math.max(0, left) + 'px';
    };
    svg.addEventListener('pointermove', show);
    svg.addEventListener('pointerdown', show);
    svg.addEventListener('pointerleave', hide);
    figure.append(tip);
  }
};
readouts(document);
