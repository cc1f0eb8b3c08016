import { signal } from "@preact/signals";
import { moveTime } from "../node/shown-range.ts";
import { isPaused, setPaused } from "../overview-store.ts";
import { go, view } from "../route.ts";
import { addressOf } from "../view.ts";
import { selectedRow } from "./selection.ts";

export const helpOpen = signal(false);

/** After it a second key says where to go. */
const GO = "g";
let isGoing = false;

const GOALS: Record<string, () => void> = {
  o: () => go(addressOf("/")),
  a: () => go(addressOf("/alerts")),
  y: () => go(addressOf("/system")),
  c: () => go(addressOf("/containers")),
  s: () => go(addressOf("/services")),
  l: () => go(addressOf("/logs")),
  e: () => go(addressOf("/explore")),
  n: () => {
    if (view.value.kind !== "overview") go(addressOf("/"));
    requestAnimationFrame(() => selectedRow.first());
  },
};

const KEYS: Record<string, () => void> = {
  "/": () => document.querySelector<HTMLInputElement>("#filter")?.focus(),
  j: () => selectedRow.move(1),
  k: () => selectedRow.move(-1),
  p: () => setPaused(!isPaused.value),
  "[": () => moveTime(-1),
  "]": () => moveTime(1),
  "?": () => {
    helpOpen.value = true;
  },
};

/** Keys of the whole page; those that are typed into a field stay there. */
export function followKeys(): void {
  addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (
      target instanceof HTMLElement &&
      target.closest("input, select, textarea, dialog, .query-editor") !== null
    ) {
      if (key === "Escape" && !event.defaultPrevented) target.blur();
      return;
    }
    const work = isGoing ? GOALS[key] : KEYS[key];
    isGoing = !isGoing && key === GO;
    if (work === undefined) return;
    event.preventDefault();
    work();
  });
}
