/** The one style sheet, for light and dark. */
export const STYLE = `
:root{color-scheme:light dark;--bg:light-dark(#f5f6f8,#12151b);--card:light-dark(#fff,#1a1f28);--ink:light-dark(#1c2430,#e4e8ee);--quiet:light-dark(#667085,#95a0b2);
--line:light-dark(#e2e6ec,#2b323e);--accent:light-dark(#0b5cad,#74b3f5);--soft:light-dark(#eef4fb,#1d2a3a);--bar:#16202f;--bad:light-dark(#b42318,#ff8f85);--warn:light-dark(#a15c00,#f2b457);--good:light-dark(#157347,#6cd09b)}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,"Segoe UI",Roboto,"Open Sans",sans-serif;-webkit-text-size-adjust:100%}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:3px}
header{display:flex;flex-wrap:wrap;gap:.4rem 1.2rem;align-items:center;padding:.65rem 1.4rem;background:var(--bar);color:#d5deea}
header a{color:#fff}.brand{display:flex;gap:.5rem;align-items:center;font-weight:650;letter-spacing:.01em}
nav{display:flex;flex-wrap:wrap;gap:.2rem .5rem}.crumbs{flex:1;min-width:0}.crumbs>*{overflow-wrap:anywhere}.crumbs>*+*::before{content:"/";margin-right:.5rem;color:#71819a}
.forms a{padding:.1rem .6rem;border:1px solid #40506a;border-radius:1rem;font-size:.82rem}
main{max-width:76rem;margin:0 auto;padding:1.5rem 1.4rem 4rem}
h1{margin:0 0 .35rem;font-size:1.6rem;line-height:1.25;font-weight:650;overflow-wrap:anywhere}h2{margin:0 0 .6rem;font-size:.8rem;font-weight:650;letter-spacing:.06em;text-transform:uppercase;color:var(--quiet)}
.kind{font-size:.95rem;font-weight:500;color:var(--quiet)}
.facts{display:flex;flex-wrap:wrap;gap:.4rem;margin:0 0 1.2rem;padding:0;list-style:none}
.facts li{padding:.08rem .65rem;border:1px solid var(--line);border-radius:1rem;background:var(--card);font-size:.85rem;overflow-wrap:anywhere}
.facts b{font-weight:500;color:var(--quiet)}
.card{margin:0 0 1.1rem;padding:1.1rem 1.2rem;border:1px solid var(--line);border-radius:.7rem;background:var(--card);box-shadow:0 1px 2px #0000000a}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(24rem,100%),1fr));gap:0 1.1rem;align-items:start}
dl{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.35rem 1.2rem;margin:0}dt{color:var(--quiet)}dd{margin:0;overflow-wrap:anywhere}
.v{unicode-bidi:isolate}.quiet{color:var(--quiet)}.mono,.json{font-family:ui-monospace,"SF Mono",Menlo,Consolas,monospace}.mono{font-size:.86em}
.json{margin:0;overflow:auto;font-size:.82rem;line-height:1.55;tab-size:2;white-space:pre-wrap;overflow-wrap:anywhere}
.k{color:light-dark(#7a3e9d,#d2a8ff)}.s{color:light-dark(#146c43,#8fd6a8)}.n{color:light-dark(#b54708,#ffb86b)}.w{color:light-dark(#b42318,#ff8f85)}.s a{text-decoration:underline}
iframe{display:block;width:100%;height:11rem;min-height:6rem;resize:vertical;border:1px solid var(--line);border-radius:.4rem;background:#fff;color-scheme:light}
.scroll{overflow-x:auto}table{width:100%;border-collapse:collapse;font-size:.9rem}
th{padding:.45rem .8rem;text-align:left;font-weight:600;font-size:.8rem;color:var(--quiet);border-bottom:1px solid var(--line);white-space:nowrap}
td{padding:.5rem .8rem;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere;min-width:5rem}tr:last-child td{border-bottom:0}tbody tr:hover{background:var(--soft)}td.id{max-width:15rem}
.filters{display:flex;flex-wrap:wrap;gap:.6rem}.filters form{display:flex;align-items:stretch}.filters label{padding:.3rem .6rem;border:1px solid var(--line);border-right:0;border-radius:.4rem 0 0 .4rem;background:var(--soft);font-size:.82rem;color:var(--quiet)}
.filters input[type=text]{width:9.5rem;padding:.3rem .55rem;border:1px solid var(--line);border-radius:0 .4rem .4rem 0;background:var(--card);color:inherit;font:inherit;font-size:.85rem}
.pages{display:flex;gap:.6rem;margin:0 0 1.1rem}.pages a{padding:.35rem 1rem;border-radius:.4rem;background:light-dark(#0b5cad,#2b71b8);color:#fff}
.issue{border-left:4px solid var(--quiet)}.issue p{margin:0 0 .4rem;font-size:1.05rem;overflow-wrap:anywhere}.issue.fatal,.issue.error{border-left-color:var(--bad)}.issue.warning{border-left-color:var(--warn)}.issue.information{border-left-color:var(--good)}
details>summary{cursor:pointer;color:var(--quiet);font-size:.88rem}details[open]>summary{margin-bottom:.7rem}
.chips{display:flex;flex-wrap:wrap;gap:.35rem .5rem}.chips a,.chips span{padding:.05rem .55rem;border:1px solid var(--line);border-radius:.35rem;font-size:.82rem}
@media(max-width:40rem){main{padding:1rem .8rem 3rem}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.6rem}}
@media print{header,.filters,.pages,details{display:none}body{background:#fff}}
`;

/** Inside of a narrative's frame, which is always light: narratives bring colours that were chosen for paper. */
export const NARRATIVE_STYLE =
  'body{margin:.8rem;font:14px/1.5 system-ui,"Segoe UI",Roboto,"Open Sans",sans-serif;color:#1c2430;background:#fff;overflow-wrap:anywhere}table{border-collapse:collapse}td,th{padding:.2rem .5rem;border:1px solid #dde2e9;text-align:left}a{color:inherit}';
