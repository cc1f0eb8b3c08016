import type { Labels } from "../../shared/model/labels.ts";

/** Where the agent's series go; the frame encoder is one. Of a group at most one reading goes into a tick. */
export type ScrapeSink = {
  /** @throws OperationalError LIMIT */
  newGroup(): number;
  closeGroup(group: number): void;
  /** @throws OperationalError LIMIT */
  define(group: number, scale: number, labels: Labels): number;
  retire(slot: number): void;
  end(slot: number): void;
  set(slot: number, value: number): void;
  read(group: number, timeMs: number): void;
};
