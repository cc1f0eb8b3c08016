import { type ContainerFacts, factsFrom, type Pod } from "../../containers/container-facts.ts";
import {
  boundedLabels,
  isObject,
  type JsonObject,
  parseJson,
  textAt,
} from "../../containers/hostile-json.ts";

/**
 * What a container's OCI config tells in annotations; null when there is neither name nor pod.
 * Source: containerd pkg/cri/annotations, cri-o pkg/annotations, nerdctl pkg/labels.
 */
export function factsOfAnnotations(
  id: string,
  runtime: string,
  annotations: JsonObject,
): ContainerFacts | null {
  const text = (...names: string[]) => {
    for (const name of names) {
      const value = textAt(annotations, name);
      if (value !== "") return value;
    }
    return "";
  };
  const pod: Pod = {
    name: text(`${CRI}sandbox-name`, "io.kubernetes.pod.name", `${CRIO}KubeName`),
    namespace: text(`${CRI}sandbox-namespace`, "io.kubernetes.pod.namespace", `${CRIO}Namespace`),
    container: text(`${CRI}container-name`, "io.kubernetes.container.name"),
    uid: text(`${CRI}sandbox-uid`, "io.kubernetes.pod.uid"),
  };
  const name = text("nerdctl/name", `${CRIO}Name`, "io.kubernetes.container.name");
  const isPod = pod.name !== "" || pod.container !== "";
  if (name === "" && !isPod) return null;
  return factsFrom({
    source: "cri-config",
    runtime,
    id,
    // containerd gives containers of pods no name: cAdvisor's then is the id.
    name: name || id,
    image: text(`${CRI}image-name`, `${CRIO}ImageName`, `${CRIO}Image`),
    imageDigest: digestIn(text(`${CRIO}ImageRef`, `${CRIO}Image`)),
    labels: labelsIn(annotations),
    pod: isPod ? pod : null,
    state: "running",
  });
}

const CRI = "io.kubernetes.cri.";
const CRIO = "io.kubernetes.cri-o.";

/** Of `name@sha256:…`; "" when there is none. */
function digestIn(reference: string): string {
  return /sha256:[0-9a-f]{64}$/.exec(reference)?.[0] ?? "";
}

/** CRI-O has all labels in one annotation, as JSON. */
function labelsIn(annotations: JsonObject): Record<string, string> {
  const text = annotations[`${CRIO}Labels`];
  if (typeof text !== "string") return {};
  try {
    const labels = parseJson(text);
    return isObject(labels) ? boundedLabels(labels, () => true) : {};
  } catch {
    return {};
  }
}
