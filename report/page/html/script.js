'use strict';
// Filters rows and folds details. Everything can be read without it.
for (const box of document.querySelectorAll('.rows')) {
  const form = box.querySelector('form.filter');
  if (!form) continue;
  form.hidden = false;
  let rows, texts, timer;
  const shown = form.querySelector('output');
  const value = (name) => (form.elements[name] ? form.elements[name].value : '');
  const apply = () => {
    rows = rows || [...box.querySelectorAll('.row')];
    const words = value('text').toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length && !texts) texts = rows.map((row) => row.textContent.toLowerCase());
    const s = value('s'), c = value('c');
    let n = 0;
    const kept = new Set();
    rows.forEach((row, i) => {
      const keep = (!s || row.dataset.s === s) && (!c || row.dataset.c === c) && words.every((w) => texts[i].includes(w));
      if (row.hidden === keep) row.hidden = !keep;
      if (keep) { n++; kept.add(row.parentNode); }
    });
    for (const chunk of box.querySelectorAll('.chunk')) chunk.hidden = !kept.has(chunk);
    shown.value = n + ' of ' + rows.length;
  };
  form.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(apply, 150); });
  form.addEventListener('submit', (e) => e.preventDefault());
  form.addEventListener('click', (e) => {
    if (e.target.type !== 'button') return;
    for (const row of box.querySelectorAll('.row:not([hidden])')) row.open = e.target.name === 'open';
  });
}
let folded = [];
addEventListener('beforeprint', () => {
  folded = [...document.querySelectorAll('details:not([open])')];
  for (const d of folded) d.open = true;
});
addEventListener('afterprint', () => { for (const d of folded) d.open = false; });
