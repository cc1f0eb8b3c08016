import { type Labels, labelPairs, labelsFrom } from "../shared/model/labels.ts";
import type { FrameEncoder } from "../shared/wire/frame-encoder.ts";

/** Where collectors put their values; FrameEncoder is one. */
export type SeriesSink = Pick<FrameEncoder, "define" | "retire" | "set" | "keep" | "hold" | "end">;

/** Adds the agent's own labels to every series; a label that a series has itself stands. */
export function withOwnLabels(sink: SeriesSink, own: Readonly<Record<string, string>>): SeriesSink {
  const pairs = Object.entries(own);
  if (pairs.length === 0) return sink;
  return {
    define: (group: number, scale: number, labels: Labels) =>
      sink.define(group, scale, labelsFrom([...pairs, ...labelPairs(labels)])),
    retire: (slot) => sink.retire(slot),
    set: (slot, value) => sink.set(slot, value),
    keep: (slot) => sink.keep(slot),
    hold: (slot, value) => sink.hold(slot, value),
    end: (slot) => sink.end(slot),
  };
}
