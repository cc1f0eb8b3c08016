import { signal } from "@preact/signals";

/** What a screen reader says next. */
export const spokenText = signal("");

export function LiveRegion() {
  return (
    <div class="unseen" aria-live="polite">
      {spokenText.value}
    </div>
  );
}
