// Put into the page by the tests: what a page has to be like for everybody, looked up in the page itself.
(() => {
  const seen = (node) => {
    if (node.closest('[hidden], .away')) return false;
    const box = node.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && getComputedStyle(node).visibility === 'visible';
  };
  const where = (node) => node.tagName.toLowerCase() + (node.id ? '#' + node.id : '') + (node.className && node.className.baseVal === undefined ? '.' + node.className : '') + ' “' + node.textContent.trim().slice(0, 30) + '”';
  const visible = (selector) => [...document.querySelectorAll(selector)].filter(seen);

  // WCAG 2.2, relative luminance and contrast ratio. The canvas turns any colour into four numbers.
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const numbers = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = '#000';
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const over = (top, below) => top.slice(0, 3).map((part, at) => part * top[3] / 255 + below[at] * (1 - top[3] / 255)).concat(255);
  const luminance = (colour) => {
    const [r, g, b] = colour.map((part) => part / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => (Math.max(luminance(a), luminance(b)) + 0.05) / (Math.min(luminance(a), luminance(b)) + 0.05);
  const ground = (node) => {
    const above = [];
    for (let at = node; at; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0) above.push(colour);
      if (colour[3] === 255) break;
    }
    return above.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 255]);
  };
  const worded = () => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), nodes = new Set();
    while (walker.nextNode()) {
      const parent = walker.currentNode.parentElement;
      if (walker.currentNode.data.trim() && !/^(SCRIPT|STYLE|NOSCRIPT|OPTION)$/.test(parent.tagName)) nodes.add(parent);
    }
    for (const control of document.querySelectorAll('input, select, textarea')) nodes.add(control);
    return [...nodes].filter(seen);
  };
  const pale = () => worded().flatMap((node) => {
    const style = getComputedStyle(node, node.placeholder && !node.value ? '::placeholder' : null), drawn = node instanceof SVGElement ? style.fill : style.color;
    const found = ratio(over(numbers(drawn), ground(node)), ground(node));
    return found < 4.5 ? [where(node) + ' ' + found.toFixed(2)] : [];
  });

  const named = (node) => {
    const by = (node.getAttribute('aria-labelledby') || '').split(' ').filter(Boolean).map((id) => document.getElementById(id)).filter(Boolean).map((it) => it.textContent).join(' ');
    const labels = [...(node.labels || [])].map((label) => label.textContent).join(' ');
    const own = /^(A|BUTTON|SUMMARY)$/.test(node.tagName) ? node.textContent : '';
    return (by || node.getAttribute('aria-label') || labels || own).trim();
  };
  const STOPS = 'a[href], button, input, select, textarea, summary, [tabindex]:not([tabindex="-1"])';
  const wrong = () => {
    const found = [], must = (holds, what) => { if (!holds) found.push(what); };
    const all = (selector) => [...document.querySelectorAll(selector)];
    must(document.documentElement.lang, 'no language');
    must(document.title, 'no title');
    for (const tag of ['h1', 'main', 'header', 'footer']) must(all(tag).length === 1, 'not one ' + tag);
    const ids = all('[id]').map((node) => node.id);
    must(new Set(ids).size === ids.length, 'an id twice');
    for (const node of all('[aria-labelledby]')) for (const id of node.getAttribute('aria-labelledby').split(' ')) must(document.getElementById(id), 'labelled by nothing: ' + where(node));
    for (const node of visible(STOPS + ', [role=meter], [role=slider], [role=group], main > section, article')) must(named(node), 'no name: ' + where(node));
    for (const node of all('[tabindex]')) must(Number(node.getAttribute('tabindex')) <= 0, 'a tabindex above 0: ' + where(node));
    for (const node of all('svg')) must(node.closest('[aria-hidden=true]') || named(node), 'a drawing without words: ' + where(node.parentElement));
    for (const node of all('[aria-hidden=true]')) must(!node.querySelector(STOPS) && !node.matches(STOPS), 'hidden and focusable: ' + where(node));
    for (const node of all('[role=meter], [role=slider]')) {
      const [low, now, high] = ['min', 'now', 'max'].map((part) => Number(node.getAttribute('aria-value' + part) ?? NaN));
      if (seen(node)) must(low <= now && now <= high && node.getAttribute('aria-valuetext'), 'no value: ' + where(node));
    }
    let level = 0;
    for (const node of visible('h1, h2, h3, h4').concat()) {
      const next = Number(node.tagName[1]);
      must(next <= level + 1 || level === 0 || (next === 3 && level === 1), 'a level left out: ' + where(node));
      level = next;
    }
    for (const node of visible('table')) {
      must(node.caption && node.caption.textContent, 'no caption: ' + where(node));
      must(node.querySelector('th[scope=col]') && node.querySelector('th[scope=row]'), 'no headers: ' + where(node));
    }
    for (const node of all('ul, ol')) for (const child of node.children) must(child.tagName === 'LI', 'no item: ' + where(child));
    for (const node of all('dl > div')) must(node.querySelector('dt') && node.querySelector('dd'), 'no pair: ' + where(node));
    must(all('[aria-live]').every((node) => node.id === 'alerts' || node.tagName === 'OUTPUT'), 'more is announced than warnings and answers');
    must(all('[style*=url], img, iframe, object, embed, base').length === 0, 'something from elsewhere');
    return found;
  };
  const stops = () => visible(STOPS).filter((node) => !node.disabled);
  window.checks = { pale, wrong, stops, where, seen };
})();
