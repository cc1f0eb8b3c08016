import { compareText, type Labels, labelsFrom, METRIC_NAME } from "../../../shared/model/labels.ts";
import { type Attributes, attributeText, valueText } from "./any-value.ts";
import { labelName } from "./metric-name.ts";

const SERVICE_NAME = "service.name";
const SERVICE_NAMESPACE = "service.namespace";
const SERVICE_INSTANCE = "service.instance.id";
const IDENTITY: ReadonlySet<string> = new Set([SERVICE_NAME, SERVICE_NAMESPACE, SERVICE_INSTANCE]);

/** Who sends, and what all that it sends is labelled with. */
export type Origin = {
  /** One text for each identity. */
  readonly name: string;
  /** `job`, `instance` and `service`; a service that has no name has no `job` either. */
  readonly labels: readonly (readonly [string, string])[];
};

/**
 * `job` is `service.name`, with `service.namespace/` before it; `instance` is `service.instance.id`, and
 * where the service does not say which one it is, `host.name`.
 * @param node the instance where the host is not said either
 */
export function originOf(resource: Attributes, node: string): Origin {
  const service = attributeText(resource, SERVICE_NAME);
  const namespace = attributeText(resource, SERVICE_NAMESPACE);
  const instance =
    attributeText(resource, SERVICE_INSTANCE) || attributeText(resource, "host.name") || node;
  const job = service !== "" && namespace !== "" ? `${namespace}/${service}` : service;
  const labels = [
    ["job", job],
    ["instance", instance],
    ["service", service],
  ] as const;
  const name = [job, instance].filter((part) => part !== "").join("@");
  return { name, labels: labels.filter(([, value]) => value !== "") };
}

/**
 * `target_info`: what else the resource says of itself. Null: nothing.
 * Source: OpenTelemetry, "Prometheus and OpenMetrics Compatibility", Resource Attributes.
 */
export function targetInfo(resource: Attributes, { labels }: Origin): Labels | null {
  const others = resource.filter(([name]) => !IDENTITY.has(name));
  if (others.length === 0) return null;
  const merged = mergedLabels(others);
  for (const [name, value] of labels) merged.set(name, value);
  merged.set(METRIC_NAME, "target_info");
  return labelsFrom(merged);
}

/**
 * Attributes as labels. Where several become the same label their values stand one after the other, in
 * the order of the attributes' names, as in Prometheus.
 */
export function mergedLabels(attributes: Attributes): Map<string, string> {
  const merged = new Map<string, string>();
  const sorted = attributes.toSorted(([a], [b]) => compareText(a, b));
  for (const [attribute, value] of sorted) {
    const name = labelName(attribute);
    const before = merged.get(name);
    merged.set(name, before === undefined ? valueText(value) : `${before};${valueText(value)}`);
  }
  merged.delete(METRIC_NAME);
  return merged;
}
