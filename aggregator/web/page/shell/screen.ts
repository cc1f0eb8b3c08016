import { signal } from "@preact/signals";

const NARROW = matchMedia("(max-width: 760px)");

/** A phone, or a window as narrow as one. */
export const isNarrow = signal(NARROW.matches);
NARROW.addEventListener("change", ({ matches }) => {
  isNarrow.value = matches;
});
