"""The live page's own script: every two seconds it takes the sections that have changed, and no others."""

from __future__ import annotations

JS = """
(() => {
  const every = 2000, all = () => [...document.querySelectorAll('[data-part]')];
  const partition = new URLSearchParams(location.search).get('partition');
  let missed = 0;
  // a picture whose values somebody reads stays as it is
  const read = part => part.querySelector('.tip:not([hidden])') !== null;
  const look = async () => {
    const ask = new URLSearchParams({have: all().map(p => p.dataset.part + ':' + p.dataset.key).join(',')});
    if (partition !== null) ask.set('partition', partition);
    const reply = await fetch('live?' + ask, {cache: 'no-store', signal: AbortSignal.timeout(15000)});
    if (!reply.ok) throw new Error(reply.status);
    const found = await reply.json();
    for (const part of all()) {
      const fresh = found.parts[part.dataset.part];
      if (!fresh || read(part)) continue;
      part.innerHTML = fresh.html;
      part.dataset.key = fresh.key;
      readouts(part);
    }
    document.body.dataset.state = found.state;
  };
  const turn = async () => {
    if (!document.hidden) {
      try { await look(); missed = 0; }
      catch { if (++missed > 1) document.body.dataset.state = 'lost'; }
    }
    setTimeout(turn, every);
  };
  document.addEventListener('visibilitychange', () => { if (!document.hidden) look().catch(() => {}); });
  document.addEventListener('click', async event => {
    const what = event.target.closest('button[data-do]');
    if (!what) return;
    what.disabled = true;
    try { await fetch(what.dataset.do, {method: 'POST'}); await look(); } catch { }
    what.disabled = false;
  });
  setTimeout(turn, every);
})();
"""
