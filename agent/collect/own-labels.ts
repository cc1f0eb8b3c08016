import { type Labels, labelPairs, labelsFrom } from "../../shared/model/labels.ts";
import type { GroupSink } from "../model/group-sink.ts";

/** Adds the agent's own labels to every series; a label that a series has itself stands. */
export function withOwnLabels(sink: GroupSink, own: Readonly<Record<string, string>>): GroupSink {
  const pairs = Object.entries(own);
  if (pairs.length === 0) return sink;
  return {
    newGroup: () => sink.newGroup(),
    closeGroup: (group) => sink.closeGroup(group),
    read: (group, timeMs) => sink.read(group, timeMs),
    define: (group: number, scale: number, labels: Labels) =>
      sink.define(group, scale, labelsFrom([...pairs, ...labelPairs(labels)])),
    retire: (slot) => sink.retire(slot),
    set: (slot, value) => sink.set(slot, value),
    hold: (slot, value) => sink.hold(slot, value),
    end: (slot) => sink.end(slot),
  };
}
