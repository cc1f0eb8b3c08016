import type { Clock } from "../../shared/platform/ports.ts";
import type { Books } from "./books.ts";
import type { Compactor } from "./disk-room.ts";
import type { DiskSpace } from "./disk-space.ts";
import { waitingFrames } from "./ledger.ts";
import type { Stretches } from "./stretches.ts";

/**
 * What becomes of a frame for which there is no room: the oldest stretches make room for it, it is
 * dropped itself, or `append` waits, so that whoever makes frames stops reading at the source.
 */
type WhenFull = "drop_oldest" | "drop_newest" | "block";

/** Of one stream. Streams have a store each, so that neither damage nor a backlog is shared. */
export type StreamLimits = {
  readonly bytesMax: number;
  /** The oldest go when they are older, whatever `whenFull` says. */
  readonly ageMaxMs: number;
  readonly whenFull: WhenFull;
  /** A disk with less room counts as full as long as there is a backlog to shed. */
  readonly freeBytesMin: number;
};

type RoomParts = {
  readonly clock: Clock;
  readonly disk: DiskSpace;
  readonly stretches: Stretches;
  readonly books: Books;
  readonly compactor: Compactor;
};

/** Makes room in a stream for the next frame, as its limits say. */
export class Room {
  readonly #parts: RoomParts;
  readonly #limits: StreamLimits;
  readonly #dropOldest: (reason: string) => Promise<void>;

  /** @param dropOldest removes the oldest stretch; what waits in it counts as dropped */
  constructor(
    parts: RoomParts,
    limits: StreamLimits,
    dropOldest: (reason: string) => Promise<void>,
  ) {
    this.#parts = parts;
    this.#limits = limits;
    this.#dropOldest = dropOldest;
  }

  /** Of the stretches, with their definitions. */
  get bytesKept(): number {
    const { bytes } = this.#parts.books.ledger.queued;
    return bytes - (this.#parts.stretches.at(0)?.before.bytes ?? bytes);
  }

  /** Why there is no room for so many bytes; null when there is. */
  async make(bytes: number): Promise<string | null> {
    const { stretches, clock } = this.#parts;
    const { bytesMax, ageMaxMs, whenFull } = this.#limits;
    const isOver = () => stretches.length > 0 && this.bytesKept + bytes > bytesMax;
    while (isOver() && (whenFull === "drop_oldest" || this.#isOldestSettled())) {
      await this.#dropOldest("buffer_full");
    }
    // One at a time: a clock that is wrong for a moment must not empty the buffer.
    const second = stretches.at(1);
    if (second !== undefined && second.timeMs < clock.nowMs() - ageMaxMs) {
      await this.#dropOldest("buffer_age");
    }
    if (isOver()) return "buffer_full";
    return await this.#spareDisk();
  }

  /**
   * A disk with little room left: as much of the backlog is shed as is lacking. What does not wait
   * goes on as long as the disk takes it.
   */
  async #spareDisk(): Promise<string | null> {
    const { stretches, books, compactor, disk } = this.#parts;
    if (compactor.isBusy) return null; // room is on its way
    const lacking = await disk.lackingBytes();
    if (lacking === 0 || stretches.length < 2) return null;
    if (this.#limits.whenFull !== "drop_oldest") {
      return waitingFrames(books.ledger) > 0 ? "disk_low" : null;
    }
    const bytesBefore = this.bytesKept;
    const freed = () => bytesBefore - this.bytesKept;
    while (stretches.length > 1 && freed() < lacking) await this.#dropOldest("disk_low");
    disk.freed(freed());
    compactor.hurry();
    return null;
  }

  #isOldestSettled(): boolean {
    const { stretches, books } = this.#parts;
    const { settledFrames, queued } = books.ledger;
    return stretches.countWithin(settledFrames, queued) > 0;
  }
}
