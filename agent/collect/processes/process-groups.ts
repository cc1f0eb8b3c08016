/** The processes of one command in one container, or outside any. */
export class ProcessGroup {
  readonly key: string;
  readonly command: string;
  readonly containerName: string;
  /** In hundredths of a second; what ended processes used stays in it. */
  cpuTime = 0;
  residentPages = 0;
  processes = 0;
  threads = 0;
  /** CPU time since the run before. */
  recentCpuTime = 0;
  /** The last run in which it was among the first by CPU time or by memory. */
  topInRun = Number.NEGATIVE_INFINITY;
  /** The last run in which it had a process. */
  seenInRun: number;
  isShown = false;

  constructor(key: string, command: string, containerName: string, run: number) {
    this.key = key;
    this.command = command;
    this.containerName = containerName;
    this.seenInRun = run;
  }
}

export type GroupLimits = {
  /** This many by CPU time and this many by memory. */
  readonly topMax: number;
  /** Runs that a group stays shown after it was last among them, so that none flaps. */
  readonly lingerRuns: number;
  readonly shownMax: number;
  /** Groups without a process are remembered up to this many groups in all. */
  readonly groupsMax: number;
};

type Score = (group: ProcessGroup) => number;

const byCpuTime: Score = (group) => group.recentCpuTime;
const byMemory: Score = (group) => group.residentPages;

/**
 * Adds up processes by group, run after run, and tells which groups to show: at most `shownMax`, and
 * those that were among the first most lately.
 */
export class ProcessGroups {
  readonly #limits: GroupLimits;
  readonly #groups = new Map<string, ProcessGroup>();
  #run = 0;

  constructor(limits: GroupLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#groups.size;
  }

  /** The group for processes to be counted in; kept by its caller only until `rank`. */
  groupOf(command: string, containerName: string): ProcessGroup {
    const key = `${containerName.length} ${containerName}${command}`;
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const group = new ProcessGroup(key, command, containerName, this.#run);
    this.#groups.set(key, group);
    return group;
  }

  begin(): void {
    this.#run += 1;
    for (const group of this.#groups.values()) {
      group.residentPages = 0;
      group.processes = 0;
      group.threads = 0;
      group.recentCpuTime = 0;
    }
  }

  count(group: ProcessGroup, cpuTime: number, residentPages: number, threads: number): void {
    group.cpuTime += cpuTime;
    group.recentCpuTime += cpuTime;
    group.residentPages += residentPages;
    group.threads += threads;
    group.processes += 1;
    group.seenInRun = this.#run;
  }

  /** Decides on `isShown` of each; `changed` hears of those for which it changed. */
  rank(changed: (group: ProcessGroup) => void): void {
    for (const score of [byCpuTime, byMemory]) {
      for (const group of this.#first(score)) group.topInRun = this.#run;
    }
    const { lingerRuns, shownMax } = this.#limits;
    const worthShowing: ProcessGroup[] = [];
    for (const group of this.#groups.values()) {
      const isWorth = group.processes > 0 && this.#run - group.topInRun < lingerRuns;
      if (isWorth) worthShowing.push(group);
      else this.#show(group, false, changed);
      if (group.processes === 0 && this.#isForgotten(group)) this.#groups.delete(group.key);
    }
    worthShowing.sort((a, b) => b.topInRun - a.topInRun);
    for (const [place, group] of worthShowing.entries()) {
      this.#show(group, place < shownMax, changed);
    }
  }

  *shown(): Iterable<ProcessGroup> {
    for (const group of this.#groups.values()) if (group.isShown) yield group;
  }

  #show(group: ProcessGroup, isShown: boolean, changed: (group: ProcessGroup) => void): void {
    if (group.isShown === isShown) return;
    group.isShown = isShown;
    changed(group);
  }

  /** What comes and goes (a command that cron runs) is remembered for a while with its CPU time. */
  #isForgotten(group: ProcessGroup): boolean {
    const { lingerRuns, groupsMax } = this.#limits;
    return this.#run - group.seenInRun >= lingerRuns || this.#groups.size > groupsMax;
  }

  /** The groups of the highest scores above 0; of equal ones those that came first. */
  #first(score: Score): readonly ProcessGroup[] {
    const scored = [...this.#groups.values()].filter((group) => score(group) > 0);
    return scored.sort((a, b) => score(b) - score(a)).slice(0, this.#limits.topMax);
  }
}
