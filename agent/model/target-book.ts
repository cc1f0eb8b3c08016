import type { Labels } from "../../shared/model/labels.ts";
import type {
  DroppedTarget,
  KnownTarget,
  LeftOutSamples,
  RefusedTarget,
  TargetHealth,
  TargetOffer,
} from "../../shared/model/target.ts";

/** What is known of a target from its beginning on. There are no secrets in the URL and the labels. */
export type BegunTarget = Pick<
  KnownTarget,
  "isProbe" | "job" | "url" | "labels" | "discovered" | "intervalMs" | "timeoutMs"
>;

export type DroppedOfJob = {
  readonly first: readonly Omit<DroppedTarget, "job">[];
  readonly count: number;
};

/** The agent's targets, and what it does not scrape, as its features say: each has a list of its own. */
export class TargetBook {
  readonly lists = new Set<TargetList>();
  /** Another number when there is something to tell that was not told before. */
  changes = 0;
  #lastId = 0;

  /** @param own the agent's own labels, which all series have that have none of that name */
  open(own: Labels): TargetList {
    const list = new TargetList(this, own);
    this.lists.add(list);
    return list;
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }
}

export class TargetList {
  readonly own: Labels;
  readonly entries = new Set<TargetEntry>();
  /** By job. */
  readonly dropped = new Map<string, DroppedOfJob>();
  readonly #book: TargetBook;
  #refused: readonly RefusedTarget[] = [];
  #offers: readonly TargetOffer[] = [];
  #offersLeftOut = 0;

  constructor(book: TargetBook, own: Labels) {
    this.#book = book;
    this.own = own;
  }

  get refused(): readonly RefusedTarget[] {
    return this.#refused;
  }

  get offers(): readonly TargetOffer[] {
    return this.#offers;
  }

  get offersLeftOut(): number {
    return this.#offersLeftOut;
  }

  begin(target: BegunTarget): TargetEntry {
    const entry = new TargetEntry(this.#book.nextId(), target, () => this.#changed());
    this.entries.add(entry);
    this.#changed();
    return entry;
  }

  end(entry: TargetEntry): void {
    if (this.entries.delete(entry)) this.#changed();
  }

  setDropped(job: string, dropped: DroppedOfJob): void {
    if (dropped.count === 0) this.dropped.delete(job);
    else this.dropped.set(job, dropped);
    this.#changed();
  }

  setRefused(refused: readonly RefusedTarget[]): void {
    this.#refused = refused;
    this.#changed();
  }

  setOffers(offers: readonly TargetOffer[], leftOut: number): void {
    this.#offers = offers;
    this.#offersLeftOut = leftOut;
    this.#changed();
  }

  /** All that it says is said no more. */
  close(): void {
    if (this.#book.lists.delete(this)) this.#changed();
  }

  #changed(): void {
    this.#book.changes += 1;
  }
}

/** One target, from the beginning of its scrapes to their end. */
export class TargetEntry {
  readonly id: number;
  readonly target: BegunTarget;
  readonly #onChange: () => void;
  #version = 0;
  #health: TargetHealth = "unknown";
  #error = "";
  #leftOut: readonly LeftOutSamples[] = [];

  constructor(id: number, target: BegunTarget, onChange: () => void) {
    this.id = id;
    this.target = target;
    this.#onChange = onChange;
  }

  /** Another number whenever it has changed. */
  get version(): number {
    return this.#version;
  }

  get health(): TargetHealth {
    return this.#health;
  }

  get error(): string {
    return this.#error;
  }

  get leftOut(): readonly LeftOutSamples[] {
    return this.#leftOut;
  }

  /** How a scrape ended. @param error "" where it did not fail */
  scraped(error: string, leftOut: readonly LeftOutSamples[]): void {
    const health = error === "" ? "up" : "down";
    const isSame = health === this.#health && error === this.#error;
    if (isSame && areEqual(leftOut, this.#leftOut)) return;
    this.#health = health;
    this.#error = error;
    this.#leftOut = leftOut;
    this.#version += 1;
    this.#onChange();
  }
}

function areEqual(a: readonly LeftOutSamples[], b: readonly LeftOutSamples[]): boolean {
  const isSame = ({ reason, samples }: LeftOutSamples, index: number) =>
    b[index]?.reason === reason && b[index].samples === samples;
  return a.length === b.length && a.every(isSame);
}
