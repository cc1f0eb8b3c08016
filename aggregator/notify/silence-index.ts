import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { type Labels, labelsKey } from "../../shared/model/labels.ts";
import { type Silence, silenceState } from "../model/silence.ts";

export type CompiledSilence = {
  readonly silence: Silence;
  readonly matches: (labels: Labels) => boolean;
};

/** What was found for labels, whenever it is active; by id. */
type Found = { readonly labels: Labels; readonly silences: readonly CompiledSilence[] };

/** Alerts are asked about again and again: each flush of each of their groups. */
const FOUND_MAX = 20_000;

/**
 * Finds the silences that match labels. Most of them have a matcher such as `alertname="x"`: only the
 * alerts with that label are held against them.
 */
export class SilenceIndex {
  /** By the name and value of the first such matcher. */
  readonly #byLabel = new Map<string, CompiledSilence[]>();
  readonly #others: CompiledSilence[] = [];
  /** By the key of the labels. */
  readonly #found = new Map<string, Found>();

  constructor(silences: Iterable<CompiledSilence>) {
    for (const one of silences) {
      const equal = one.silence.matchers.find(({ type, value }) => type === "=" && value !== "");
      if (equal === undefined) this.#others.push(one);
      else getOrInsert(this.#byLabel, keyOf(equal.name, equal.value), () => []).push(one);
    }
  }

  /**
   * The index of these silences, of which all but `changed` were in this one. What was found before
   * is held against the changed ones alone.
   */
  replacedBy(
    silences: ReadonlyMap<string, CompiledSilence>,
    changed: readonly CompiledSilence[],
  ): SilenceIndex {
    const next = new SilenceIndex(silences.values());
    for (const [key, found] of this.#found) {
      const { labels } = found;
      const kept = found.silences.filter((one) => silences.get(one.silence.id) === one);
      const added = changed.filter(
        (one) => silences.get(one.silence.id) === one && one.matches(labels),
      );
      next.#found.set(key, { labels, silences: sorted([...kept, ...added]) });
    }
    return next;
  }

  /** Ids of those that are active then, sorted. */
  activeFor(labels: Labels, nowMs: number): string[] {
    const ids: string[] = [];
    for (const { silence } of this.#matching(labels)) {
      if (silenceState(silence, nowMs) === "active") ids.push(silence.id);
    }
    return ids;
  }

  #matching(labels: Labels): readonly CompiledSilence[] {
    const key = labelsKey(labels);
    const known = this.#found.get(key);
    if (known !== undefined) return known.silences;
    if (this.#found.size >= FOUND_MAX) this.#found.clear();
    const silences = sorted(this.#candidates(labels).filter(({ matches }) => matches(labels)));
    this.#found.set(key, { labels, silences });
    return silences;
  }

  #candidates(labels: Labels): CompiledSilence[] {
    const candidates = [...this.#others];
    for (let i = 0; i < labels.length; i += 2) {
      const some = this.#byLabel.get(keyOf(labels[i] ?? "", labels[i + 1] ?? ""));
      if (some !== undefined) candidates.push(...some);
    }
    return candidates;
  }
}

function sorted(silences: CompiledSilence[]): CompiledSilence[] {
  return silences.sort((a, b) => (a.silence.id < b.silence.id ? -1 : 1));
}

function keyOf(name: string, value: string): string {
  return `${name}\u0000${value}`;
}
