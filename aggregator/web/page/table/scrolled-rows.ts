type Scroll = { value: { topPx: number; heightPx: number } };

/** What can be seen of the list: the part of its scrolling parent that it reaches into. */
export function followScroll(list: HTMLElement | null, scroll: Scroll): (() => void) | undefined {
  const scroller = list?.closest<HTMLElement>("[data-scroller]");
  if (list === null || scroller === null || scroller === undefined) return undefined;
  const look = () => {
    const topPx = scroller.getBoundingClientRect().top - list.getBoundingClientRect().top;
    scroll.value = { topPx, heightPx: scroller.clientHeight };
  };
  const observer = new ResizeObserver(look);
  observer.observe(scroller);
  observer.observe(list);
  scroller.addEventListener("scroll", look, { passive: true });
  return () => {
    observer.disconnect();
    scroller.removeEventListener("scroll", look);
  };
}

/** Scrolls as far as it takes to see the row, and gives it the focus once it is there. */
export function showRow(list: HTMLElement | null, row: number, rowPx: number): void {
  const scroller = list?.closest<HTMLElement>("[data-scroller]");
  if (list === null || scroller === null || scroller === undefined) return;
  const top = list.getBoundingClientRect().top - scroller.getBoundingClientRect().top + row * rowPx;
  const headPx = 40;
  if (top < headPx) scroller.scrollTop += top - headPx;
  else if (top + rowPx > scroller.clientHeight)
    scroller.scrollTop += top + rowPx - scroller.clientHeight;
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      list.querySelector<HTMLElement>(`[data-row="${row}"]`)?.focus({ preventScroll: true });
    }),
  );
}
