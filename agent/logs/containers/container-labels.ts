import { type Labels, labelsOf } from "../../../shared/model/labels.ts";
import type { ContainerFacts } from "../../containers/container-facts.ts";
import { containerService } from "../../containers/service-name.ts";

/** What the labels of a container's lines are made of. */
export type NamedContainer = Pick<ContainerFacts, "id" | "name" | "image" | "labels">;

const SHORT_ID = 12;

export type NodeLabels = Readonly<Record<string, string>>;

/**
 * The labels of a container's lines, from whatever source they come.
 * @param node the labels of this node, on every line
 */
export function containerLabels(
  node: NodeLabels,
  container: NamedContainer,
  stream: string,
): Labels {
  const { id, image } = container;
  const name = container.name || id.slice(0, SHORT_ID);
  return labelsOf({
    ...node,
    job: "containers",
    container: name,
    image,
    compose_project: labelAt(container, "com.docker.compose.project"),
    compose_service: labelAt(container, "com.docker.compose.service"),
    service: containerService(container),
    stream,
  });
}

function labelAt({ labels }: NamedContainer, name: string): string {
  return Object.hasOwn(labels, name) ? (labels[name] ?? "") : "";
}
