import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { every } from "./browser.ts";
import { isPaused } from "./overview-store.ts";

/** Another number every `ms`, for what has to be read again; not while it is paused or nobody looks. */
export function useTurns(ms: number): number {
  const turn = useSignal(0);
  useEffect(() => {
    return every(ms, () => {
      if (!isPaused.peek() && !document.hidden) turn.value += 1;
    });
  }, []);
  return turn.value;
}
