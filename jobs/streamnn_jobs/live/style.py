"""What the live page adds to the report's style sheet."""

from __future__ import annotations

CSS = """
.bar{display:flex;flex-wrap:wrap;align-items:center;gap:6px 18px;margin:0 0 4px;font-size:.92rem;color:var(--soft)}
.bar strong{color:var(--ink);font-weight:600}
.bar span{font-variant-numeric:tabular-nums}
.dot{display:inline-block;width:10px;height:10px;border-radius:50%;margin-right:8px;background:var(--plain)}
.running .dot{background:var(--linear)}.paused .dot,.stopping .dot{background:var(--alarm)}
.running .dot{animation:breathe 4s ease-in-out infinite}
@keyframes breathe{50%{opacity:.35}}
@media (prefers-reduced-motion:reduce){.running .dot{animation:none}}
.lost{display:none;color:var(--alarm);font-weight:600}
body[data-state=lost] .lost{display:block}
body[data-state=lost] .bar{opacity:.45}
.do{margin-left:auto;display:flex;gap:8px}
button{font:inherit;font-size:.84rem;color:var(--ink);background:var(--card);border:1px solid var(--rule);border-radius:8px;
padding:5px 13px;cursor:pointer}
button:hover{border-color:var(--plain)}
button:disabled{opacity:.5;cursor:default}
button:focus-visible,nav a:focus-visible{outline:2px solid var(--pool);outline-offset:2px}
nav{display:flex;flex-wrap:wrap;gap:6px;margin:10px 0 0;font-size:.86rem}
nav a{color:var(--soft);text-decoration:none;border:1px solid var(--rule);border-radius:999px;padding:2px 12px}
nav a[aria-current]{color:var(--ink);background:var(--card);border-color:var(--plain)}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:4px 36px}
.pair figure{min-width:0}
.pair .legend{display:none}
@media (max-width:760px){.pair{grid-template-columns:1fr}.do{margin-left:0}}
"""
