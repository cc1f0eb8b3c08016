import type { Change } from "./overview-shape.ts";

/** A container or unit that runs. `image` "": it is no container. Times are Unix milliseconds. */
export type Started = {
  readonly node: string;
  readonly name: string;
  readonly image: string;
  readonly startedMs: number;
};

/** OOM kills so far of what has any. */
export type OomCount = { readonly node: string; readonly name: string; readonly count: number };
/** A time that moves on with every boot or reload. */
export type NodeTime = { readonly node: string; readonly timeMs: number };

export type Look = {
  readonly timeMs: number;
  readonly up: ReadonlySet<string>;
  readonly started: readonly Started[];
  readonly oomKills: readonly OomCount[];
  readonly boots: readonly NodeTime[];
  readonly reloads: readonly NodeTime[];
};

type Known = Started & {
  /** Looks in a row that did not find it though its node was up. */
  missed: number;
  goneAtMs: number | null;
};

/** What is older is no news. */
export const NEWS_MS = 86_400_000;
const AGAIN_MS = 3_600_000;
/** A start is read from a clock that may be corrected. */
const SAME_START_MS = 2000;
const SAME_BOOT_MS = 60_000;
/** Of a node that has just connected again not all may be there yet. */
const MISSED_MAX = 2;
const KNOWN_MAX = 100_000;

/** What runs and has happened, as of the last look; each look gives what is new in it. */
export class ChangeState {
  readonly #known = new Map<string, Known>();
  readonly #oomKills = new Map<string, number>();
  readonly #boots = new Map<string, number>();
  readonly #reloads = new Map<string, number>();
  #up: ReadonlySet<string> | null = null;

  /** Oldest first. A new start of what ran before is a `restart`, whatever image it now has. */
  step(look: Look): Change[] {
    const changes = [
      ...look.started.flatMap((one) => this.#startOf(one, look.timeMs)),
      ...this.#stops(look),
      ...look.oomKills.flatMap((one) => this.#oomKillOf(one, look.timeMs)),
      ...look.boots.flatMap((one) => this.#bootOf(one)),
      ...look.reloads.flatMap((one) => this.#reloadOf(one)),
    ];
    this.#up = look.up;
    return changes
      .filter(({ timeMs }) => timeMs > look.timeMs - NEWS_MS)
      .sort((a, b) => a.timeMs - b.timeMs);
  }

  #startOf(one: Started, nowMs: number): Change[] {
    const key = keyOf(one);
    const was = this.#known.get(key);
    if (was === undefined && this.#known.size >= KNOWN_MAX) return [];
    this.#known.set(key, { ...one, missed: 0, goneAtMs: null });
    if (was !== undefined && one.startedMs - was.startedMs <= SAME_START_MS) return [];
    const { node, name, image, startedMs } = one;
    const isOther = was !== undefined && was.image !== image;
    const kind = was === undefined ? "start" : isOther ? "image" : "restart";
    const before = isOther ? was.image : "";
    return [{ timeMs: Math.min(startedMs, nowMs), kind, node, name, image, before, count: 1 }];
  }

  #stops({ timeMs, up, started }: Look): Change[] {
    const running = new Set(started.map(keyOf));
    const changes: Change[] = [];
    for (const [key, one] of this.#known) {
      if (one.goneAtMs !== null && timeMs - one.goneAtMs > NEWS_MS) this.#known.delete(key);
      if (running.has(key) || one.goneAtMs !== null || !up.has(one.node)) continue;
      one.missed += 1;
      if (one.missed < MISSED_MAX) continue;
      one.goneAtMs = timeMs;
      changes.push({ timeMs, kind: "stop", node: one.node, name: one.name, ...NO_IMAGES });
    }
    return changes;
  }

  /** Of a node that was not there before it is not known when they were. */
  #oomKillOf({ node, name, count }: OomCount, timeMs: number): Change[] {
    const key = keyOf({ node, name });
    const was = this.#oomKills.get(key) ?? (this.#up?.has(node) ? 0 : count);
    this.#oomKills.set(key, count);
    return count > was ? [{ timeMs, kind: "oom", node, name, ...NO_IMAGES }] : [];
  }

  #bootOf({ node, timeMs }: NodeTime): Change[] {
    const was = this.#boots.get(node) ?? Number.NEGATIVE_INFINITY;
    this.#boots.set(node, timeMs);
    return timeMs - was > SAME_BOOT_MS
      ? [{ timeMs, kind: "boot", node, name: "", ...NO_IMAGES }]
      : [];
  }

  /** The first is that of the start. */
  #reloadOf({ node, timeMs }: NodeTime): Change[] {
    const was = this.#reloads.get(node);
    this.#reloads.set(node, timeMs);
    if (was === undefined || timeMs <= was) return [];
    return [{ timeMs, kind: "config", node, name: "", ...NO_IMAGES }];
  }
}

const NO_IMAGES = { image: "", before: "", count: 1 };

/**
 * The list with what was found, newest first and no longer than `most`. What happens to the same one
 * again and again is one entry, or a container that cannot start would be all that is seen.
 */
export function withChanges(
  list: readonly Change[],
  found: readonly Change[],
  most: number,
): readonly Change[] {
  const kept = [...list];
  for (const one of found) {
    const place = kept.findIndex((other) => isAgain(one, other));
    const [before] = place < 0 ? [] : kept.splice(place, 1);
    kept.push({ ...one, count: (before?.count ?? 0) + 1 });
  }
  return kept.sort((a, b) => b.timeMs - a.timeMs).slice(0, most);
}

function isAgain(one: Change, before: Change): boolean {
  return (
    one.kind === before.kind &&
    one.node === before.node &&
    one.name === before.name &&
    one.image === before.image &&
    one.timeMs - before.timeMs < AGAIN_MS
  );
}

function keyOf({ node, name }: { readonly node: string; readonly name: string }): string {
  return `${node}\u0000${name}`;
}
