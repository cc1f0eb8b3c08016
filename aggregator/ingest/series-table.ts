import { OperationalError } from "../../shared/errors.ts";
import {
  compareText,
  INSTANCE,
  labelPairs,
  labelsFrom,
  labelValue,
  METRIC_NAME,
} from "../../shared/model/labels.ts";
import {
  DOUBLE_SCALE,
  SCALE_MAX,
  type SeriesDefinition,
} from "../../shared/model/series-definition.ts";
import { FRAME_GROUPS_MAX } from "../../shared/wire/frame.ts";
import type { SeriesTable__Output } from "../../shared/wire/generated/telltale/v1/SeriesTable.ts";
import {
  LABEL_NAME_LENGTH_MAX,
  LABEL_VALUE_LENGTH_MAX,
  LABELS_MAX,
} from "../../shared/wire/label-limits.ts";
import { TABLE_SERIES_MAX } from "./limits.ts";

/**
 * Definitions that are well-formed, whatever came before them: the store knows what they must follow
 * on (commit-plan.ts). What is scraped has an `instance` of its own; nobody may say that it is another node:
 * such an `instance` becomes `exported_instance`.
 * @throws OperationalError PROTOCOL, LIMIT naming the series and what is wrong with it
 */
export function checkedTable(
  { series }: SeriesTable__Output,
  isOtherNode: (name: string) => boolean,
): readonly SeriesDefinition[] {
  if (series.length === 0 || series.length > TABLE_SERIES_MAX) {
    throw new OperationalError(
      "LIMIT",
      `A table of ${series.length} series, allowed are 1 to ${TABLE_SERIES_MAX}`,
    );
  }
  for (const definition of series) checkDefinition(definition);
  return series.map((definition) => {
    const { labels } = definition;
    const instance = labelValue(labels, INSTANCE);
    if (instance === "" || !isOtherNode(instance)) return definition;
    const others = labelPairs(labels).filter(([name]) => name !== INSTANCE);
    return { ...definition, labels: labelsFrom([...others, [EXPORTED_INSTANCE, instance]]) };
  });
}

const EXPORTED_INSTANCE = "exported_instance";

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
