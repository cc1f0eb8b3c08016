import { type Labels, labelValue } from "../../../shared/model/labels.ts";
import type { LineOrigin } from "../understand/origin.ts";

/**
 * When lines came last from the nodes and services that metrics are of. Only those: it has never more
 * than the tables have label sets.
 */
export class LivingOrigins {
  /** Monotonic milliseconds. */
  #seenMs = new Map<string, number>();

  seen(origin: LineOrigin, nowMs: number): void {
    const key = keyOf(origin);
    if (this.#seenMs.has(key)) this.#seenMs.set(key, nowMs);
  }

  /** From now on the origins of these are watched, and no others; those that are new live now. */
  watch(labelSets: Iterable<Labels>, nowMs: number): void {
    const before = this.#seenMs;
    this.#seenMs = new Map();
    for (const labels of labelSets) {
      const key = keyOf(originOf(labels));
      this.#seenMs.set(key, before.get(key) ?? nowMs);
    }
  }

  isSilentSince(labels: Labels, sinceMs: number): boolean {
    const seenMs = this.#seenMs.get(keyOf(originOf(labels)));
    return seenMs !== undefined && seenMs < sinceMs;
  }
}

function originOf(labels: Labels): LineOrigin {
  return { instance: labelValue(labels, "instance"), service: labelValue(labels, "service") };
}

function keyOf({ instance, service }: LineOrigin): string {
  return `${instance}\0${service}`;
}
