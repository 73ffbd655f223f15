"""The page's style sheet: one string, no font and no picture from outside."""

from __future__ import annotations

CSS = """
:root{color-scheme:light dark;--bg:#f7f7f5;--card:#fff;--ink:#1b1f24;--soft:#5b636d;--rule:#e4e5e2;--grid:#ececea;
--pool:#0b63a8;--plain:#7d8590;--last:#b5568f;--linear:#00875f;--alarm:#cf5200;--limit:#7d8590;
--s0:#0072b2;--s1:#56b4e9;--s2:#009e73;--s3:#e6c229;--s4:#e69f00;--s5:#d55e00;--s6:#cc79a7;--s7:#b9bec5}
@media (prefers-color-scheme:dark){:root{--bg:#14171a;--card:#1c2024;--ink:#e8eaed;--soft:#a2aab4;--rule:#30363c;
--grid:#2a2f34;--pool:#63b8ef;--plain:#98a1ac;--last:#e495c2;--linear:#35c795;--alarm:#ff9450;--limit:#98a1ac;
--s0:#3a93cf;--s1:#7cc6f2;--s2:#27b38a;--s3:#e8cf55;--s4:#eeb140;--s5:#e5752f;--s6:#d792b8;--s7:#5d656e}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue","Noto Sans","Liberation Sans",Arial,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:1060px;margin:0 auto;padding:40px 24px 64px}
h1{font-size:1.9rem;line-height:1.2;letter-spacing:-.015em;margin:0 0 .3em;overflow-wrap:anywhere}
h2{font-size:1.2rem;letter-spacing:-.005em;margin:0 0 .25em}
h3{font-size:.95rem;margin:1.6em 0 .3em;overflow-wrap:anywhere}
h3 small{font-weight:400;color:var(--soft);font-size:.85rem;margin-left:.4em}
p{margin:.3em 0 .9em;max-width:74ch}
.facts,.how,.aside,footer{color:var(--soft)}
.facts{font-size:.92rem;max-width:none;overflow-wrap:anywhere}
.how{font-size:.95rem}
.aside{font-size:.82rem;max-width:none;margin:.2em 0 .8em}
.verdict{font-size:1.12rem;max-width:68ch}
section{background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:24px 28px;margin:20px 0}
section.bare{background:none;border:0;padding:0;margin:24px 0 28px}
.tiles{display:grid;grid-template-columns:repeat(var(--columns,5),1fr);gap:12px;padding:0;margin:22px 0;list-style:none}
.tiles li{background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:13px 16px 12px;min-width:0}
.tiles b{display:block;font-size:1.55rem;font-weight:600;line-height:1.25;letter-spacing:-.02em;white-space:nowrap;
font-variant-numeric:tabular-nums}
.tiles li:first-child{grid-column:span 2}
.tiles li:first-child b{font-size:2.1rem}
.tiles .main{border-top:3px solid var(--pool);padding-top:11px}
.tiles .warn{border-top:3px solid var(--alarm);padding-top:11px}
.tiles span{display:block;font-size:.82rem;color:var(--soft)}
.tiles span.label{color:var(--ink);font-weight:500;font-size:.86rem}
figure{margin:14px 0 0;padding-bottom:16px;position:relative}
section>figure:last-child{padding-bottom:0;margin-bottom:-14px}
figcaption{font-weight:600;font-size:.92rem;margin:0 0 2px}
svg{font-family:inherit}
svg.plot{display:block;overflow:visible;width:calc(100% - 64px);margin:36px 12px 44px 52px;touch-action:pan-y}
figure.flush svg.plot{width:calc(100% - 28px);margin:8px 14px 44px}
svg.none{width:100%;margin:0;border:1px dashed var(--rule);border-radius:8px;overflow:hidden}
svg.none text{fill:var(--soft);font-size:14px}
svg text{fill:var(--soft);font-size:12px;paint-order:stroke;stroke:var(--card);stroke-width:3px;stroke-linejoin:round;font-variant-numeric:tabular-nums}
svg text.name{font-size:11.5px}
svg text.label{fill:var(--ink);font-size:13px;font-weight:500}
svg text.note{font-size:11.5px}
.grid{stroke:var(--grid)}
.axis{stroke:var(--plain);stroke-opacity:.6}
.zero{stroke:var(--plain);stroke-opacity:.7}
line.limit{stroke:var(--limit);stroke-dasharray:6 4}
.hit{fill:transparent}
path.line{fill:none;stroke-width:1.7px;stroke-linejoin:round;stroke-linecap:round;vector-effect:non-scaling-stroke}
path.line.pool{stroke-width:2.4px}
path.line.dots{stroke-width:8px}
path.line.plain{stroke-dasharray:2 5}
path.line.last{stroke-dasharray:8 4}
path.line.dots{stroke-dasharray:none}
.pool{stroke:var(--pool)}.plain{stroke:var(--plain)}.last{stroke:var(--last)}.linear{stroke:var(--linear)}
.band{fill:var(--pool);fill-opacity:.15}
.area{stroke:var(--card);stroke-width:1px;vector-effect:non-scaling-stroke}
.s0{fill:var(--s0)}.s1{fill:var(--s1)}.s2{fill:var(--s2)}.s3{fill:var(--s3)}
.s4{fill:var(--s4)}.s5{fill:var(--s5)}.s6{fill:var(--s6)}.s7{fill:var(--s7)}
.alarm line{stroke:var(--alarm);stroke-width:1.4px;stroke-dasharray:4 3}
.alarm.many line{stroke-width:1px;stroke-dasharray:none;stroke-opacity:.22}
svg text.alarm{fill:var(--alarm);font-size:11px;font-weight:600}
.alarm line.halo{stroke:var(--card);stroke-width:4px;stroke-dasharray:none;stroke-opacity:.5}
.range{stroke:var(--pool);stroke-width:10px;stroke-opacity:.28}
circle.low{fill:var(--linear)}circle.high{fill:var(--pool)}
.guide{stroke:var(--ink);stroke-opacity:.45;pointer-events:none}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px;list-style:none;padding:0;margin:4px 0 0;font-size:.85rem;color:var(--soft)}
.legend li{overflow-wrap:anywhere;min-width:0}
.legend i{display:inline-block;width:24px;height:0;margin-right:6px;vertical-align:middle;border-top:2.5px solid}
.legend i.box{width:12px;height:12px;border:0;border-radius:3px;vertical-align:-1px}
i.line.pool{border-color:var(--pool)}i.line.plain{border-color:var(--plain);border-top-style:dotted}
i.line.last{border-color:var(--last);border-top-style:dashed}i.line.linear{border-color:var(--linear)}
i.dash.alarm{border-color:var(--alarm);border-top-style:dashed}
i.box.pool{background:var(--pool);opacity:.25}i.box.low{background:var(--linear)}i.box.high{background:var(--pool)}
i.box.s0{background:var(--s0)}i.box.s1{background:var(--s1)}i.box.s2{background:var(--s2)}i.box.s3{background:var(--s3)}
i.box.s4{background:var(--s4)}i.box.s5{background:var(--s5)}i.box.s6{background:var(--s6)}i.box.s7{background:var(--s7)}
.gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(128px,1fr));gap:14px 12px;list-style:none;padding:0;margin:10px 0 0}
.gallery li{font-size:.72rem;color:var(--soft);line-height:1.35;break-inside:avoid}
.gallery span{display:block;font-variant-numeric:tabular-nums}
.gallery svg{display:block;width:100%;background:var(--bg);border-radius:6px;margin-bottom:3px}
.gallery path{fill:none;stroke-linejoin:round;stroke-linecap:round}
.gallery .start{stroke:var(--plain);stroke-width:1.2;stroke-opacity:.75}
.gallery .fn{stroke:var(--pool);stroke-width:2.2}
.gallery .zero{stroke:var(--rule)}
.scroll{overflow-x:auto;margin:14px 0}
.hint{color:var(--soft);font-weight:400}
table{border-collapse:collapse;font-size:.9rem;min-width:min(100%,420px);font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding:0 0 6px}
th,td{text-align:left;font-weight:400;padding:6px 18px 6px 0;border-bottom:1px solid var(--rule);vertical-align:top}
thead th{color:var(--soft);font-size:.82rem;white-space:nowrap}
td.num,th.num{text-align:right;white-space:nowrap}
tr:first-child>td strong,tbody strong{font-weight:600}
.key{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:8px;vertical-align:-1px}
.key.pool{background:var(--pool)}.key.plain{background:var(--plain)}.key.last{background:var(--last)}.key.linear{background:var(--linear)}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.82rem}
code{overflow-wrap:anywhere}
pre{background:var(--bg);border:1px solid var(--rule);border-radius:8px;padding:14px;overflow-x:auto;margin:8px 0;white-space:pre-wrap;overflow-wrap:anywhere}
.tip{position:absolute;z-index:2;pointer-events:none;background:var(--card);color:var(--ink);border:1px solid var(--rule);
border-radius:8px;box-shadow:0 4px 16px rgb(0 0 0/.16);padding:7px 11px;font-size:.8rem;max-width:260px;font-variant-numeric:tabular-nums}
.tip div{display:flex;justify-content:space-between;gap:14px}
.tip b{font-weight:600}
footer{font-size:.82rem;margin-top:28px}
.narrow-only{display:none}
@media (max-width:640px){main{padding:22px 12px 40px}section{padding:16px 14px;border-radius:10px}h1{font-size:1.5rem}
.tiles{grid-template-columns:repeat(2,1fr);gap:8px}.tiles b{font-size:1.25rem}.tiles li:first-child b{font-size:1.7rem}.tiles li{padding:10px 12px}
.wide-only{display:none}.narrow-only{display:inline}.gallery{grid-template-columns:repeat(auto-fill,minmax(100px,1fr))}table{font-size:.84rem;min-width:100%}th,td{padding-right:10px}th:last-child,td:last-child{padding-right:0}thead th,thead th.num{white-space:normal;vertical-align:bottom}.hint{display:none}
svg.plot{width:calc(100% - 58px);margin-right:6px}}
@media print{:root{--bg:#fff;--card:#fff;--ink:#000;--soft:#444;--rule:#ccc;--grid:#eee}main{max-width:none;padding:0}
section{border:0;padding:0;margin:18px 0}figure,.tiles,table{break-inside:avoid}h2,.how{break-after:avoid}.tip{display:none}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""
