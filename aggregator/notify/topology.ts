import { type Labels, labelValue } from "../../shared/model/labels.ts";
import type { InhibitRule, LabelsTest, NotifyConfig } from "./routing.ts";

const NODE_DOWN = "TelltaleNodeDown";

/** A node that is down says why nothing on it answers: the rest on it is not worth a message. */
const HOST_DOWN: InhibitRule = {
  source: byName("=", (labels) => nameOf(labels) === NODE_DOWN),
  target: byName("!=", (labels) => {
    return nameOf(labels) !== NODE_DOWN && labelValue(labels, "instance") !== "";
  }),
  equal: ["instance"],
};

function nameOf(labels: Labels): string {
  return labelValue(labels, "alertname");
}

function byName(type: "=" | "!=", matches: LabelsTest["matches"]): LabelsTest {
  return { matchers: [{ name: "alertname", type, value: NODE_DOWN }], matches };
}

/** With the inhibition that follows from what runs where, beside that of the file. */
export function withTopology(config: NotifyConfig): NotifyConfig {
  return { ...config, inhibitRules: [...config.inhibitRules, HOST_DOWN] };
}
