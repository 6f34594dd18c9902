(() => {
  const problems = [];
  const say = (text, element) => problems.push(element ? text + ': ' + element.outerHTML.slice(0, 160) : text);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const shown = (element) => element.checkVisibility();

  // Structure.
  if (!document.documentElement.lang) say('the page has no language');
  if (!document.title.trim()) say('the page has no title');
  for (const landmark of ['main', 'h1']) {
    const n = all(landmark).length;
    if (n !== 1) say(n + ' elements ' + landmark);
  }
  let level = 0;
  for (const heading of all('h1, h2, h3, h4, h5, h6').filter(shown)) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) say('a heading skips a level', heading);
    if (!heading.textContent.trim()) say('a heading is empty', heading);
    level = next;
  }
  const ids = new Set();
  for (const element of all('[id]')) {
    if (ids.has(element.id)) say('an id occurs twice', element);
    ids.add(element.id);
  }

  // Names.
  const named = (element) => (element.getAttribute('aria-label') || '').trim() ||
    (element.getAttribute('aria-labelledby') || '').split(/\s+/).some((id) => id && document.getElementById(id)?.textContent.trim());
  for (const control of all('input, select, textarea')) {
    if (!named(control) && !control.labels.length) say('a control has no label', control);
  }
  for (const element of all('button, a[href], summary').filter(shown)) {
    if (!named(element) && !element.textContent.trim()) say('nothing says what this does', element);
  }
  for (const element of all('svg, nav, [role=region]')) {
    if (element.getAttribute('aria-hidden') !== 'true' && !named(element)) say('it has no name', element);
  }
  for (const table of all('table')) {
    if (!table.querySelector('th')) say('a table has no heads', table);
  }
  for (const link of all('a[href^="#"]')) {
    if (!document.getElementById(decodeURIComponent(link.hash.slice(1)))) say('a link leads nowhere', link);
  }

  // Size.
  if (document.documentElement.scrollWidth > window.innerWidth) {
    say('the page is ' + document.documentElement.scrollWidth + ' pixels wide in a window of ' + window.innerWidth);
  }
  for (const element of all('body *').filter(shown)) {
    const scrolls = /auto|scroll/.test(getComputedStyle(element).overflowX) && element.scrollWidth > element.clientWidth + 1;
    if (scrolls && element.tabIndex < 0 && !element.querySelector('a[href], button, [tabindex="0"]')) say('the keyboard cannot scroll this', element);
  }

  // Contrast.
  const parse = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const over = (top, below) => {
    const mix = (x, y) => x * top.a + y * (1 - top.a);
    return { r: mix(top.r, below.r), g: mix(top.g, below.g), b: mix(top.b, below.b), a: 1 };
  };
  const luminance = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const contrast = (a, b) => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.a > 0) layers.push(colour);
      if (colour.a === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), { r: 255, g: 255, b: 255, a: 1 });
  };
  // What a text of a drawing stands on is the last box around it.
  const boxes = all('svg rect').map((rect) => ({ rect, at: rect.getBoundingClientRect() }));
  const drawnOn = (text) => {
    const at = text.getBoundingClientRect();
    const [x, y] = [at.left + at.width / 2, at.top + at.height / 2];
    const on = boxes.filter(({ at: box }) => box.left <= x && x <= box.right && box.top <= y && y <= box.bottom).pop();
    return on ? parse(getComputedStyle(on.rect).fill) : behind(text.closest('svg').parentElement);
  };
  const told = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.textContent.trim() || element.closest('script, style, svg title, svg desc, .unseen, .skip') || !shown(element)) continue;
    const drawn = element.closest('svg');
    const style = getComputedStyle(element);
    const below = drawn ? drawnOn(element) : behind(element);
    const ratio = contrast(over(parse(drawn ? style.fill : style.color), below), below);
    const key = style.color + style.fill + JSON.stringify(below);
    if (ratio < 4.5 && !told.has(key)) {
      told.add(key);
      say('contrast of ' + ratio.toFixed(2), element);
    }
  }
  return problems;
})()
