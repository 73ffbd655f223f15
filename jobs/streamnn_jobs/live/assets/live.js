/* Every two seconds the live page takes the sections that have changed, and no others.

   It stands behind readouts.js, whose readouts() it calls for each section that it replaces. */

(() => {
  const every = 2000;
  const all = () => [...document.querySelectorAll('[data-part]')];
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
      try {
        await look();
        missed = 0;
      } catch {
        if (++missed > 1) document.body.dataset.state = 'lost';
      }
    }
    setTimeout(turn, every);
  };

  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) look().catch(() => {});
  });
  document.addEventListener('click', async event => {
    const button = event.target.closest('button[data-do]');
    if (!button) return;
    button.disabled = true;
    try {
      await fetch(button.dataset.do, {method: 'POST'});
      await look();
    } catch {
      // the next turn says so if the job is gone
    }
    button.disabled = false;
  });
  setTimeout(turn, every);
})();
