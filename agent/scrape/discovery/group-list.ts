import { OperationalError } from "../../../shared/errors.ts";
import { type Labels, labelsFrom } from "../../../shared/model/labels.ts";
import { isObject } from "../../containers/hostile-json.ts";
import { isLabelName } from "../label-names.ts";
import type { TargetGroup } from "../targets.ts";

const GROUPS_MAX = 10_000;
const TARGETS_MAX = 20_000;
const LABELS_MAX = 128;

/**
 * The target groups that files and HTTP services list: `[{"targets": […], "labels": {…}}]`, as
 * strictly as Prometheus reads them: with one fault, nothing of it is taken.
 * @param source a label that says where they are from
 * @throws OperationalError PARSE, LIMIT
 */
export function readGroupList(value: unknown, source: readonly [string, string]): TargetGroup[] {
  if (value === null) return [];
  if (!Array.isArray(value)) throw parseError("The target groups are not a list");
  if (value.length > GROUPS_MAX) throw limitError(`more than ${GROUPS_MAX} target groups`);
  let targets = 0;
  return value.map((group, index) => {
    const read = readGroup(group, `Target group ${index}`, source);
    targets += read.targets.length;
    if (targets > TARGETS_MAX) throw limitError(`more than ${TARGETS_MAX} targets`);
    return read;
  });
}

function readGroup(value: unknown, what: string, source: readonly [string, string]): TargetGroup {
  if (!isObject(value)) throw parseError(`${what} is not an object`);
  const unknown = Object.keys(value).find((key) => key !== "targets" && key !== "labels");
  if (unknown !== undefined) throw parseError(`${what} has an unknown key "${shown(unknown)}"`);
  const targets = value["targets"] ?? [];
  const labels = value["labels"] ?? {};
  if (!Array.isArray(targets)) throw parseError(`${what}: targets are not a list`);
  if (!isObject(labels)) throw parseError(`${what}: labels are not an object`);
  return {
    targets: targets.map((target) => addressLabels(target, what)),
    labels: groupLabels(labels, what, source),
  };
}

function addressLabels(target: unknown, what: string): Labels {
  if (typeof target !== "string") throw parseError(`${what}: a target is not a text`);
  return labelsFrom([["__address__", target]]);
}

function groupLabels(
  labels: Readonly<Record<string, unknown>>,
  what: string,
  source: readonly [string, string],
): Labels {
  const entries = Object.entries(labels);
  if (entries.length > LABELS_MAX) throw limitError(`${what}: more than ${LABELS_MAX} labels`);
  const pairs = entries.map(([name, value]): [string, string] => {
    if (!isLabelName(name))
      throw parseError(`${what}: "${shown(name)}" is not the name of a label`);
    if (typeof value !== "string") throw parseError(`${what}: the label ${name} is not a text`);
    return [name, value];
  });
  return labelsFrom([...pairs, source]);
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 50)).slice(1, -1);
}

function parseError(message: string): OperationalError {
  return new OperationalError("PARSE", message);
}

function limitError(message: string): OperationalError {
  return new OperationalError("LIMIT", `${message[0]?.toUpperCase()}${message.slice(1)}`);
}
