import { words } from "../settings.ts";

/** A view that has nothing to show yet, and why. */
export function Loading({ title, problem }: { title: string; problem: string }) {
  return (
    <>
      <h1 class="unseen">{title}</h1>
      <p class="placeholder">{problem || words.value.loading}</p>
    </>
  );
}
