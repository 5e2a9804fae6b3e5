// How the report looks, by day and by night.
#pragma once

namespace millrace::bench {

inline constexpr const char* kStyle = R"(
:root {
  --paper: #fbfaf7; --card: #ffffff; --ink: #1d2327; --soft: #5c666d; --rule: #dfdcd3;
  --c0: #0f6f78; --c1: #c7622b; --c2: #5b4b9a; --c3: #8a8f2a; --c4: #b03a5b; --c5: #6b7680;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181a; --card: #1c2225; --ink: #e8eaea; --soft: #9aa5ab; --rule: #323b40;
    --c0: #4fb9c2; --c1: #e8935f; --c2: #a697e4; --c3: #c3c95d; --c4: #e37a98; --c5: #a0abb3;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 880px; margin: 0 auto; padding: 40px 24px 80px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 20px; margin: 44px 0 4px; }
p { margin: 6px 0; max-width: 78ch; }
.about { max-width: none; margin-top: 0; }
.about { color: var(--soft); font-size: 14px; }
.about code { font-size: 13px; overflow-wrap: anywhere; }
code { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, monospace; }
figure { margin: 16px 0 0; padding: 16px 18px 10px; background: var(--card);
  border: 1px solid var(--rule); border-radius: 8px; }
figcaption { font-weight: 600; margin-bottom: 6px; }
figure > svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--ink); font-size: 12px; font-variant-numeric: tabular-nums; }
svg text.tick, svg text.label { fill: var(--soft); }
svg text.value { font-weight: 600; }
.grid { stroke: var(--rule); stroke-width: 1; }
.axis { stroke: var(--soft); stroke-width: 1; }
.mark { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 4 4; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.dashed { stroke-dasharray: 5 5; }
path.c0 { stroke: var(--c0); } path.c1 { stroke: var(--c1); } path.c2 { stroke: var(--c2); }
path.c3 { stroke: var(--c3); } path.c4 { stroke: var(--c4); } path.c5 { stroke: var(--c5); }
rect.c0 { fill: var(--c0); } rect.c1 { fill: var(--c1); } rect.c2 { fill: var(--c2); }
rect.c3 { fill: var(--c3); } rect.c4 { fill: var(--c4); } rect.c5 { fill: var(--c5); }
.legend { margin: 0 0 6px; font-size: 13px; color: var(--soft); }
.legend span { display: inline-block; margin-right: 18px; }
.key { width: 26px; height: 10px; margin-right: 6px; vertical-align: middle; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: 14px 0 4px; width: 100%; font-size: 14px; }
th, td { text-align: right; padding: 6px 10px; border-bottom: 1px solid var(--rule);
  font-variant-numeric: tabular-nums; white-space: nowrap; }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td.text, th.text { text-align: left; white-space: normal; color: var(--soft); }
)";

}  // namespace millrace::bench
