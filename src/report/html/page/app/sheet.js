// On a narrow window the details lie below the heatmap. After a tap they come up as a
// sheet at the window's foot, until they are closed or swiped away.

const sheet = document.getElementById('sheet');
const sheetBar = document.getElementById('sheet-bar');
const SWIPE = 40; // pixels downwards that close the sheet

const sheetIsOpen = () => sheet.classList.contains('open');

function openSheet() {
  if (!narrow.matches || sheetIsOpen()) return;
  sheet.classList.add('open');
  sheet.setAttribute('role', 'dialog');
  sheet.setAttribute('aria-modal', 'false');
  sheet.setAttribute('aria-label', 'Selected cell');
}

function closeSheet() {
  if (!sheetIsOpen()) return;
  const hadFocus = sheet.contains(document.activeElement);
  sheet.classList.remove('open');
  for (const name of ['role', 'aria-modal', 'aria-label']) sheet.removeAttribute(name);
  sheet.style.transform = '';
  if (hadFocus) currentElement()?.focus({ preventScroll: true });
}

/** Shows the sheet for a cell, and moves the page where the sheet would cover the cell. */
function openSheetFor(td) {
  openSheet();
  if (!sheetIsOpen()) return;
  sheet.scrollTop = 0;
  const covered = td.getBoundingClientRect().bottom - sheet.getBoundingClientRect().top;
  if (covered > 0) scrollBy(0, covered + 8);
}

/** A swipe down on the bar, by finger, pen or mouse. */
function listenToSwipe() {
  let from = null;
  const moved = (event) => Math.max(0, event.clientY - from);
  const end = (event) => {
    if (from == null) return;
    const away = event.type === 'pointerup' && moved(event) > SWIPE;
    from = null;
    sheet.style.transform = '';
    if (away) closeSheet();
  };
  sheetBar.addEventListener('pointerdown', (event) => {
    if (event.target.closest('button')) return;
    from = event.clientY;
    sheetBar.setPointerCapture(event.pointerId);
  });
  sheetBar.addEventListener('pointermove', (event) => {
    if (from != null) sheet.style.transform = `translateY(${moved(event)}px)`;
  });
  sheetBar.addEventListener('pointerup', end);
  sheetBar.addEventListener('pointercancel', end);
}

function makeSheet() {
  const close = element('button', { type: 'button', class: 'quiet', 'aria-label': 'Close the details', onclick: closeSheet }, 'Close');
  sheetBar.append(element('span', { class: 'grip', 'aria-hidden': 'true' }), close);
  listenToSwipe();
  narrow.addEventListener('change', closeSheet);
}
