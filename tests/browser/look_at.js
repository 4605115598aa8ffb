// What test_walk.py asks of an open page. Everything that can be unfolded is unfolded first.
window.lookAt = async function lookAt() {
  document.querySelectorAll('main details').forEach((node) => { node.open = true; });
  const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
  const run = await axe.run(document, { runOnly: rules, resultTypes: ['violations'], iframes: false });
  const why = (n) => `${n.target.join(' ')} ${(n.any[0]?.message || n.failureSummary).slice(0, 160)}`;
  const found = run.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map(why).join(' | ')}`);
  return [...found, ...tooWide(), ...cutOff(), ...hiddenSides()];
};

function tooWide() {
  const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (over <= 0) return [];
  const out = [...document.querySelectorAll('body *')].filter((n) => n.getBoundingClientRect().right > innerWidth + 1);
  return [`wider by ${over}: ${out.slice(-3).map((n) => `${n.tagName}.${n.className}`).join(', ')}`];
}

// A list of clues whose frame cuts its right side off: state and due day that nobody can reach.
function hiddenSides() {
  const cuts = (n) => ['hidden', 'clip'].includes(getComputedStyle(n).overflowX) && n.clientWidth > 50 && n.scrollWidth > n.clientWidth + 2;
  const found = [...document.querySelectorAll('main *')].filter((n) => n.querySelector('table.queue') && cuts(n));
  return found.slice(0, 2).map((n) => `hides ${n.scrollWidth - n.clientWidth} px of ${n.tagName.toLowerCase()}.${n.className}`);
}

// Words that do not fit: hidden by their box without an ellipsis or a way to read them, or run out over its edge.
function cutOff() {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  for (let text = walker.nextNode(); text && found.length < 4; text = walker.nextNode()) {
    const words = text.textContent.trim();
    const box = text.parentElement;
    if (!words || !box.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) continue;
    if (box.closest('.visually-hidden, option, select, textarea, svg, script, [aria-hidden=true]')) continue;
    range.selectNodeContents(text);
    const line = range.getBoundingClientRect();
    if (line.width < 2 || line.height < 2) continue;
    const style = getComputedStyle(box);
    const label = `${box.tagName.toLowerCase()}.${box.className} "${words.slice(0, 30)}"`;
    if (style.display === 'inline') continue;
    const edge = box.getBoundingClientRect();
    const hides = style.overflowX === 'hidden' || style.overflowX === 'clip';
    if (hides && edge.width <= 2) continue; // hidden on purpose
    const over = line.right > edge.right + 8 || line.left < edge.left - 8; // less is the air of a full-width mark
    const under = line.bottom > edge.bottom + 3 && (style.overflowY === 'hidden' || style.overflowY === 'clip');
    if (hides && (over || under)) {
      const readable = style.textOverflow === 'ellipsis' || style.webkitLineClamp !== 'none';
      const row = box.closest('tr, li, article'); // whose link opens the whole of it
      if (!readable || !(box.title || box.closest('[title], a, summary') || row?.querySelector('a'))) found.push(`cut off: ${words.slice(0, 30)} in ${label}`);
    } else if (over && style.overflowX === 'visible' && box.matches('button, .btn, .chip, th, td, b, label, summary')) {
      found.push(`runs out: ${words.slice(0, 30)} in ${label}`);
    }
  }
  return found;
}

void 0; // a function as the last value would be called at once
