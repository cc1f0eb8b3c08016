import { type ContainerFacts, FULL_ID, factsFrom } from "./container-facts.ts";
import {
  countAt,
  flagAt,
  isObject,
  type JsonObject,
  labelsAt,
  listAt,
  objectAt,
  parseJson,
  textAt,
} from "./hostile-json.ts";

/**
 * Of a `config.v2.json` of Docker. Health and state change without the file being read again, so they
 * are not taken from it.
 */
export function factsOfDockerConfig(id: string, config: JsonObject): ContainerFacts {
  const inner = objectAt(config, "Config");
  const manifest = textAt(objectAt(config, "ImageManifest"), "digest");
  return factsFrom({
    source: "docker-config",
    runtime: "docker",
    id,
    name: plainName(textAt(config, "Name")),
    image: textAt(inner, "Image"),
    imageDigest: manifest || asDigest(textAt(config, "Image")),
    labels: labelsAt(inner, "Labels"),
    state: "running",
    restarts: countAt(config, "RestartCount"),
    isOomKilled: flagAt(objectAt(config, "State"), "OOMKilled"),
  });
}

/** An entry of the storage's list. Labels are in Podman's database only. */
export function factsOfStorage(id: string, entry: JsonObject): ContainerFacts {
  const [name] = listAt(entry, "names");
  const metadata = entry["metadata"];
  let details: unknown = null;
  try {
    details = typeof metadata === "string" ? parseJson(metadata) : null;
  } catch {
    // Then the image's id is all there is.
  }
  const image = isObject(details) ? textAt(details, "image-name") : "";
  return factsFrom({
    source: "podman-config",
    runtime: "podman",
    id,
    name: textAt({ name }, "name"),
    image,
    imageDigest: asDigest(textAt(entry, "image")),
    state: "running",
  });
}

/** Podman leaves the algorithm out. */
export function asDigest(imageId: string): string {
  return FULL_ID.test(imageId) ? `sha256:${imageId}` : imageId;
}

/** Names have a slash in front, from when containers could be linked. */
export function plainName(name: string): string {
  return name.startsWith("/") ? name.slice(1) : name;
}
