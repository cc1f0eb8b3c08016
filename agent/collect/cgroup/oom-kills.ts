import type { OomEvents } from "../../containers/container-facts.ts";
import { ABSENT } from "../kit/byte-scanner.ts";

const NO_EVENTS: OomEvents = { events: 0, runs: 0 };

/**
 * OOM kills under one path of the cgroup tree, through all cgroups that are made there one after
 * the other. The kernel's counter is the truth wherever it can be read. A runtime's event reports
 * the same kill, and on cgroup v1 often twice, so it only counts for kills that nobody could read:
 * those after the last reading of a cgroup that is gone, or of a kernel without the counter. One
 * kill for each run of the container that had an event, because a run ends at its last kill.
 */
export class OomKills {
  /** Of cgroups that were here before, and those that only events report. */
  #earlier = 0;
  /** The kernel's counter; ABSENT: not read yet, or it has none. */
  #own = ABSENT;
  #events = NO_EVENTS;
  /** As they were when the kernel's counter was last read. */
  #eventsAtRead = NO_EVENTS;
  /** The last reading had a kill whose event had not come yet. */
  #isEventDue = false;

  /** ABSENT where neither the kernel nor a runtime counts. */
  get count(): number {
    const more = this.#earlier + this.#unread();
    return this.#own === ABSENT && more === 0 ? ABSENT : Math.max(0, this.#own) + more;
  }

  /** True when events came since the kernel's counter was last read: it has to be read now. */
  hear(events: OomEvents | null): boolean {
    if (events !== null) this.#events = events;
    return this.#events.events !== this.#eventsAtRead.events;
  }

  /** @param own the kernel's counter as it is now; ABSENT: it has none */
  read(own: number): void {
    if (own === ABSENT) this.#earlier += this.#unread();
    const hasEvents = this.#events.events > this.#eventsAtRead.events;
    this.#isEventDue = this.#own !== ABSENT && own > this.#own && !hasEvents;
    this.#own = own;
    this.#eventsAtRead = this.#events;
  }

  /** The cgroup is gone, and another one under its path begins to count. */
  beginAnew(): void {
    this.#earlier = Math.max(0, this.count);
    this.#own = ABSENT;
    this.#eventsAtRead = this.#events;
    this.#isEventDue = false;
  }

  #unread(): number {
    if (this.#events.events <= this.#eventsAtRead.events) return 0;
    const runs = Math.max(1, this.#events.runs - this.#eventsAtRead.runs);
    return this.#isEventDue ? runs - 1 : runs;
  }
}
