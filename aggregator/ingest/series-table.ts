import { OperationalError } from "../../shared/errors.ts";
import { compareText, METRIC_NAME } from "../../shared/model/labels.ts";
import {
  DOUBLE_SCALE,
  SCALE_MAX,
  type SeriesDefinition,
} from "../../shared/model/series-definition.ts";
import { FRAME_GROUPS_MAX, STREAM_SERIES_MAX } from "../../shared/wire/frame.ts";
import type { SeriesTable__Output } from "../../shared/wire/generated/telltale/v1/SeriesTable.ts";
import {
  EPOCH_MAX,
  LABEL_NAME_LENGTH_MAX,
  LABEL_VALUE_LENGTH_MAX,
  LABELS_MAX,
  TABLE_SERIES_MAX,
} from "./limits.ts";

/** The table of a stream: its epoch and how many ids of it are defined. */
export type TableState = { readonly epoch: number; readonly seriesKnown: number };

/**
 * Definitions that follow on `state`: the next ids of its epoch, or those from 0 of a later one.
 * @throws OperationalError PROTOCOL, LIMIT naming the series and what is wrong with it
 */
export function checkedTable(
  state: TableState,
  { epoch, series }: SeriesTable__Output,
): readonly SeriesDefinition[] {
  if (epoch < 1 || epoch > EPOCH_MAX || epoch < state.epoch) {
    throw new OperationalError("PROTOCOL", `Series of epoch ${epoch} after epoch ${state.epoch}`);
  }
  if (series.length === 0 || series.length > TABLE_SERIES_MAX) {
    throw new OperationalError(
      "LIMIT",
      `A table of ${series.length} series, allowed are 1 to ${TABLE_SERIES_MAX}`,
    );
  }
  let nextId = epoch === state.epoch ? state.seriesKnown : 0;
  if (nextId + series.length > STREAM_SERIES_MAX) {
    throw new OperationalError("LIMIT", `More than ${STREAM_SERIES_MAX} series in epoch ${epoch}`);
  }
  for (const definition of series) {
    if (definition.id !== nextId) {
      throw new OperationalError(
        "PROTOCOL",
        `Series ${definition.id} of epoch ${epoch} where ${nextId} should follow`,
      );
    }
    checkDefinition(definition);
    nextId += 1;
  }
  return series;
}

function checkDefinition({ id, group, scale, labels }: SeriesDefinition): void {
  if (group >= FRAME_GROUPS_MAX) throw fault(id, `has group ${group}`);
  if (scale < DOUBLE_SCALE || scale > SCALE_MAX) throw fault(id, `has scale ${scale}`);
  if (labels.length % 2 === 1) throw fault(id, "has a label without a value");
  if (labels.length > 2 * LABELS_MAX) {
    throw new OperationalError(
      "LIMIT",
      `Series ${id} has ${labels.length / 2} labels, allowed are ${LABELS_MAX}`,
    );
  }
  let before = "";
  let isNamed = false;
  for (let i = 0; i < labels.length; i += 2) {
    const name = labels[i] ?? "";
    checkLabel(id, name, labels[i + 1] ?? "");
    if (compareText(before, name) >= 0) throw fault(id, `has label ${quoted(name)} out of order`);
    if (name === METRIC_NAME) isNamed = true;
    before = name;
  }
  if (!isNamed) throw fault(id, "has no metric name");
}

function checkLabel(id: number, name: string, value: string): void {
  if (name.length > LABEL_NAME_LENGTH_MAX || value.length > LABEL_VALUE_LENGTH_MAX) {
    throw new OperationalError(
      "LIMIT",
      `Series ${id}: label ${quoted(name)} of ${name.length} characters with a value of ${value.length}`,
    );
  }
  if (value === "") throw fault(id, `has no value for label ${quoted(name)}`);
  if (name === "instance") throw fault(id, "has the label instance, which is the node's name");
  if (name.includes("\u0000") || value.includes("\u0000")) {
    throw fault(id, `has a NUL in label ${quoted(name)}`);
  }
}

function fault(id: number, what: string): OperationalError {
  return new OperationalError("PROTOCOL", `Series ${id} ${what}`);
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}
