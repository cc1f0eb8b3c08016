import type { NodeState as State } from "../../overview-shape.ts";
import { formatDuration, formatMoment } from "../format.ts";
import { clockMs } from "../overview-store.ts";
import { locale, words } from "../settings.ts";

/** By shape and word as well as by colour. */
export function NodeState({ state, sinceMs }: { state: State; sinceMs: number }) {
  const title = sinceMs === 0 ? "" : words.value.since(formatMoment(locale.value, sinceMs));
  return (
    <span class={`node-state state-${state}`} title={title}>
      <span class="shape" aria-hidden="true" />
      {words.value[state]}
      {sinceMs === 0 ? null : (
        <span class="quiet"> {formatDuration(locale.value, clockMs.value - sinceMs)}</span>
      )}
    </span>
  );
}
