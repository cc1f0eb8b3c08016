import type { Matcher } from "../../shared/model/columns.ts";

/** Alerts that match are not notified of from its start until its end. Times are Unix milliseconds. */
export type Silence = {
  readonly id: string;
  readonly matchers: readonly Matcher[];
  /** Inclusive. */
  readonly startsAtMs: number;
  /** Exclusive. */
  readonly endsAtMs: number;
  readonly updatedAtMs: number;
  readonly createdBy: string;
  readonly comment: string;
};

/** `id` null: a new one. */
export type PostedSilence = Omit<Silence, "id" | "updatedAtMs"> & { readonly id: string | null };

export type SilenceState = "pending" | "active" | "expired";

export function silenceState(
  { startsAtMs, endsAtMs }: Pick<Silence, "startsAtMs" | "endsAtMs">,
  nowMs: number,
): SilenceState {
  if (nowMs >= endsAtMs) return "expired";
  return nowMs < startsAtMs ? "pending" : "active";
}
