/**
 * All containers as they go to pages and programs: columns, one entry of each for each container.
 * Times are Unix milliseconds, shares go from 0 to 1, null is what is not known.
 */

/** `cpu`: cores; `network`: bytes a second, both ways; `cpuLimit`, `memoryLimit`: shares of its own limits. */
export const CONTAINER_FIGURES = [
  "cpu",
  "cpuLimit",
  "memory",
  "memoryLimit",
  "throttled",
  "network",
  "oomKills",
  "restarts",
  "startedMs",
] as const;
export type ContainerFigure = (typeof CONTAINER_FIGURES)[number];

/** Texts that many share: entry i is `texts[at[i]]`. */
export type SharedTexts = { readonly texts: readonly string[]; readonly at: readonly number[] };

/** By node and name. `total` may be more than there are entries. */
export type ContainerColumns = {
  readonly timeMs: number;
  readonly total: number;
  readonly name: readonly string[];
  readonly node: SharedTexts;
  readonly image: SharedTexts;
  readonly service: SharedTexts;
  /** As the runtime has it; "running" where nothing but its cgroup is known. */
  readonly state: SharedTexts;
} & Readonly<Record<ContainerFigure, readonly (number | null)[]>>;
