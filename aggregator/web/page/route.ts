import { computed, signal } from "@preact/signals";
import { type View, viewOf } from "./view.ts";

/** Where the page is: all that a link has to hold for others to see the same. */
const place = signal(hereNow());

export const view = computed<View>(() => viewOf(place.value.path));
export const parameters = computed(() => new URLSearchParams(place.value.search));

function hereNow() {
  return { path: location.pathname, search: location.search };
}

export function go(path: string): void {
  history.pushState(null, "", path);
  place.value = hereNow();
}

/** Changes what a link says without a step in the browser's history; "" removes it. */
export function setParameters(changes: Readonly<Record<string, string>>): void {
  const next = new URLSearchParams(place.value.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === "") next.delete(name);
    else next.set(name, value);
  }
  const search = next.toString();
  history.replaceState(null, "", `${location.pathname}${search === "" ? "" : `?${search}`}`);
  place.value = hereNow();
}

/** Links between views load nothing anew; those that open a window or lead elsewhere stay as they are. */
export function followLinks(): void {
  addEventListener("popstate", () => {
    place.value = hereNow();
  });
  addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link === null || link.origin !== location.origin || link.target !== "" || link.hash !== "")
      return;
    if (event.defaultPrevented || event.button !== 0 || viewOf(link.pathname).kind === "unknown")
      return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(`${link.pathname}${link.search}`);
  });
}
