/** Which alerts are inhibited by others. Pure. */

import { getOrInsert } from "../../../shared/model/get-or-insert.ts";
import { type Labels, labelValue } from "../../../shared/model/labels.ts";
import type { InhibitRule } from "../routing.ts";
import { isResolved, type KnownAlert } from "./known-alert.ts";

type IndexedRule = {
  readonly rule: InhibitRule;
  /** Alerts that match the source, by the values of the labels that have to be equal. */
  readonly sources: ReadonlyMap<string, readonly KnownAlert[]>;
};

/** Holds for the alerts that it was made of; a source that has ended since counts as ended. */
export class Inhibition {
  readonly #rules: readonly IndexedRule[];

  constructor(rules: readonly InhibitRule[], alerts: Iterable<KnownAlert>) {
    const indexed = rules.map((rule) => ({ rule, sources: new Map<string, KnownAlert[]>() }));
    if (rules.length > 0) {
      for (const alert of alerts) {
        for (const { rule, sources } of indexed) {
          if (!rule.source.matches(alert.labels)) continue;
          getOrInsert(sources, equalKey(rule, alert.labels), () => []).push(alert);
        }
      }
    }
    this.#rules = indexed;
  }

  /** The alerts by which one with these labels is inhibited now: one a rule at most. */
  sourcesOf(labels: Labels, nowMs: number): KnownAlert[] {
    const found: KnownAlert[] = [];
    for (const { rule, sources } of this.#rules) {
      if (!rule.target.matches(labels)) continue;
      const candidates = sources.get(equalKey(rule, labels)) ?? [];
      // What is on both sides is not inhibited by another that is: else two of them mute each other.
      const isTwoSided = rule.source.matches(labels);
      const source = candidates.find((one) => {
        return !isResolved(one, nowMs) && !(isTwoSided && rule.target.matches(one.labels));
      });
      if (source !== undefined) found.push(source);
    }
    return found;
  }
}

/** A label that is absent has the value "". Labels hold no NUL. */
function equalKey({ equal }: InhibitRule, labels: Labels): string {
  return equal.map((name) => labelValue(labels, name)).join("\0");
}
