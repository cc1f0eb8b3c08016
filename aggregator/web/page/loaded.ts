import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

export type Loaded<T> = { readonly value: T | null; readonly problem: string };

/** What `load` gives, read again whenever one of `inputs` is another one. The old value stays until then. */
export function useLoaded<T>(
  load: (signal: AbortSignal) => Promise<T>,
  inputs: readonly unknown[],
): Signal<Loaded<T>> {
  const loaded = useSignal<Loaded<T>>({ value: null, problem: "" });
  useEffect(() => {
    const stop = new AbortController();
    load(stop.signal).then(
      (value) => {
        if (!stop.signal.aborted) loaded.value = { value, problem: "" };
      },
      (error) => {
        if (stop.signal.aborted) return;
        const problem = error instanceof Error ? error.message : String(error);
        loaded.value = { ...loaded.peek(), problem };
      },
    );
    return () => stop.abort();
  }, [...inputs]);
  return loaded;
}
