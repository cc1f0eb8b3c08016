import type { Labels } from "../../shared/model/labels.ts";

/**
 * Where the agent's series go: into groups of series that are read together and share a time. The frame
 * encoder is one. Of a group at most one reading goes into a tick.
 */
export type GroupSink = {
  /** @throws OperationalError LIMIT when the agent has all the groups it may have */
  newGroup(): number;
  /** All series of the group are retired; its number may be given out again. */
  closeGroup(group: number): void;
  /**
   * A series; its values are integers × 10^-scale, or doubles with DOUBLE_SCALE. Returns the slot to set.
   * @throws OperationalError LIMIT when the agent has all the series it may have
   */
  define(group: number, scale: number, labels: Labels): number;
  /** The series will not come back; the slot may be given out again. */
  retire(slot: number): void;
  /** The value of this reading. A series that is not set in a reading ends with it. */
  set(slot: number, value: number): void;
  /** As `set`, for this reading and all that follow, until `end`. */
  hold(slot: number, value: number): void;
  end(slot: number): void;
  /** What was set since the group's last reading was read at `timeMs`. */
  read(group: number, timeMs: number): void;
};
