'use strict';
(() => {
  const byId = (id) => document.getElementById(id);
  const box = byId('search'), found = byId('found'), all = byId('all');
  const items = [...document.querySelectorAll('.item')].map((element) => ({
    element, text: element.textContent.toLowerCase(),
    names: [...element.querySelectorAll('.members li')].map((name) => ({ element: name, text: name.textContent.toLowerCase() })),
  }));
  const nodes = [...document.querySelectorAll('.node')].map((element) => ({ element, text: element.textContent.toLowerCase() }));
  const opened = new Set();

  const show = (details) => {
    if (!details.open) {
      details.open = true;
      opened.add(details);
    }
  };

  const search = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const matches = (text) => words.every((word) => text.includes(word));
    let hits = 0;
    for (const item of items) {
      const hit = matches(item.text);
      item.element.classList.toggle('away', !hit);
      hits += hit;
      const named = words.length ? item.names.filter((name) => matches(name.text)) : [];
      for (const name of item.names) {
        name.element.classList.toggle('away', named.length > 0 && !named.includes(name));
      }
      if (named.length) {
        show(item.element);
        show(item.element.querySelector('.members'));
      }
    }
    for (const node of nodes) {
      node.element.classList.toggle('dim', !matches(node.text));
    }
    if (!words.length) {
      opened.forEach((details) => { details.open = false; });
      opened.clear();
    }
    found.textContent = words.length ? (hits === 1 ? '1 match' : hits + ' matches') : '';
  };

  byId('find').hidden = false;
  byId('find').addEventListener('submit', (event) => event.preventDefault());
  box.addEventListener('input', search);
  document.addEventListener('keydown', (event) => {
    if (event.key === '/' && document.activeElement !== box) {
      event.preventDefault();
      box.focus();
    } else if (event.key === 'Escape' && document.activeElement === box) {
      box.value = '';
      search();
    }
  });

  if (all) {
    const classes = [...document.querySelectorAll('.class')];
    all.hidden = false;
    all.addEventListener('click', () => {
      const open = classes.some((details) => !details.open);
      classes.forEach((details) => { details.open = open; });
      all.textContent = open ? 'Close all' : 'Open all';
    });
  }

  // A link to a change opens it.
  const target = () => {
    const element = location.hash && byId(location.hash.slice(1));
    if (element instanceof HTMLDetailsElement) {
      element.open = true;
    }
  };
  window.addEventListener('hashchange', target);
  target();
})();
