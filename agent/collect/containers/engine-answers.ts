import {
  type ContainerFacts,
  type FactsSource,
  FULL_ID,
  factsFrom,
  type Health,
} from "../../containers/container-facts.ts";
import { networkOf } from "../../containers/container-network.ts";
import {
  boundedLabels,
  cleanText,
  countAt,
  flagAt,
  isObject,
  type JsonObject,
  labelsAt,
  listAt,
  objectAt,
  parseJson,
  textAt,
} from "../../containers/hostile-json.ts";
import { asDigest, plainName } from "../../containers/stored-facts.ts";

/**
 * The answers of the Docker Engine API, which Podman's service speaks too.
 * Source: docs.docker.com/reference/api/engine, 1.24 to 1.51.
 */

export type Engine = { readonly runtime: "docker" | "podman"; readonly source: FactsSource };

export const DOCKER: Engine = { runtime: "docker", source: "docker-socket" };
export const PODMAN: Engine = { runtime: "podman", source: "podman-socket" };

/** Who answers, by GET /version: Podman's socket may bear Docker's name. */
export function engineOf(version: unknown): Engine {
  if (!isObject(version)) return DOCKER;
  const names = listAt(version, "Components").map((part) =>
    isObject(part) ? textAt(part, "Name") : "",
  );
  return names.some((name) => name.startsWith("Podman")) ? PODMAN : DOCKER;
}

/** One of GET /containers/json; null when it is not one. */
export function factsOfListed(value: unknown, engine: Engine): ContainerFacts | null {
  if (!isObject(value)) return null;
  const id = textAt(value, "Id");
  if (!FULL_ID.test(id)) return null;
  const [name] = listAt(value, "Names");
  return factsFrom({
    ...engine,
    id,
    name: typeof name === "string" ? plainName(cleanText(name)) : "",
    image: textAt(value, "Image"),
    imageDigest: digestOf(value, textAt(value, "ImageID")),
    labels: labelsAt(value, "Labels"),
    state: stateOf(textAt(value, "State")),
    network: networkOf(value),
  });
}

/** GET /containers/ID/json; null when it is not one. */
export function factsOfInspected(value: unknown, engine: Engine): ContainerFacts | null {
  if (!isObject(value)) return null;
  const id = textAt(value, "Id");
  if (!FULL_ID.test(id)) return null;
  const config = objectAt(value, "Config");
  const stateFacts = objectAt(value, "State");
  const state = stateOf(textAt(stateFacts, "Status"));
  const isEnded = state === "exited" || state === "dead" || state === "restarting";
  return factsFrom({
    ...engine,
    id,
    name: plainName(textAt(value, "Name")),
    image: textAt(config, "Image"),
    imageDigest: digestOf(value, textAt(value, "Image")),
    labels: labelsAt(config, "Labels"),
    state,
    restarts: countAt(value, "RestartCount"),
    health: healthOf(textAt(objectAt(stateFacts, "Health"), "Status")),
    lastExitCode: isEnded ? countAt(stateFacts, "ExitCode") : null,
    isOomKilled: flagAt(stateFacts, "OOMKilled"),
    network: networkOf(value),
  });
}

/** `ImageManifestDescriptor` is Docker 28's and later; before it only the image's id is told. */
function digestOf(value: JsonObject, imageId: string): string {
  return textAt(objectAt(value, "ImageManifestDescriptor"), "digest") || asDigest(imageId);
}

const STATES = new Set("created running paused restarting removing exited dead".split(" "));
/** Podman's own words for what Docker calls otherwise. */
const PODMAN_STATES: ReadonlyMap<string, string> = new Map([
  ["configured", "created"],
  ["initialized", "created"],
  ["stopping", "running"],
  ["stopped", "exited"],
]);

function stateOf(word: string): string {
  const state = PODMAN_STATES.get(word) ?? word;
  return STATES.has(state) ? state : "unknown";
}

function healthOf(word: string): Health {
  return word === "starting" || word === "healthy" || word === "unhealthy" ? word : "none";
}

export type EngineEvent = {
  readonly id: string;
  /**
   * create, start, die, oom, destroy, rename, pause, unpause, health_status; and `network`: it was
   * connected to one or disconnected, and the event tells nothing else of it.
   */
  readonly action: string;
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly exitCode: number | null;
  /** Null where the event does not tell. */
  readonly health: Health | null;
  readonly timeNano: number;
};

/** Podman's own words for what Docker calls otherwise. */
const ACTIONS: ReadonlyMap<string, string> = new Map([
  ["died", "die"],
  ["remove", "destroy"],
]);
/** What the engines put among the labels. */
const NOT_LABELS = new Set(
  "containerExitCode execDuration execID exitCode image name oldName podId signal".split(" "),
);

/**
 * A line of GET /events; null: of no container.
 * @throws OperationalError PARSE when it is not JSON
 */
export function eventOf(line: string): EngineEvent | null {
  const value = parseJson(line);
  if (!isObject(value)) return null;
  const type = textAt(value, "Type");
  if (type === "network") return networkEventOf(value);
  return type === "container" ? containerEventOf(value) : null;
}

/** Docker names the network as the actor, Podman the container. */
function networkEventOf(value: JsonObject): EngineEvent | null {
  const actor = objectAt(value, "Actor");
  const id = textAt(objectAt(actor, "Attributes"), "container") || textAt(actor, "ID");
  if (!FULL_ID.test(id)) return null;
  const nothing = { name: "", image: "", labels: {}, exitCode: null, health: null };
  return { id, action: "network", ...nothing, timeNano: countTime(value) };
}

function containerEventOf(value: JsonObject): EngineEvent | null {
  const actor = objectAt(value, "Actor");
  const id = textAt(actor, "ID");
  if (!FULL_ID.test(id)) return null;
  const attributes = objectAt(actor, "Attributes");
  const [word = "", detail = ""] = textAt(value, "Action").split(": ");
  const healthWord = detail || textAt(value, "HealthStatus") || textAt(attributes, "health_status");
  const exitCode = textAt(attributes, "exitCode") || textAt(attributes, "containerExitCode");
  return {
    id,
    action: ACTIONS.get(word) ?? word,
    name: plainName(textAt(attributes, "name")),
    image: textAt(attributes, "image"),
    labels: boundedLabels(attributes, (name) => !NOT_LABELS.has(name)),
    exitCode: /^\d{1,3}$/.test(exitCode) ? Number(exitCode) : null,
    health: healthWord === "" ? null : healthOf(healthWord),
    timeNano: countTime(value),
  };
}

/** Beyond 2^53, so not exact; the neighbours it could be taken for are 256 ns away. */
function countTime(value: JsonObject): number {
  const time = value["timeNano"];
  return typeof time === "number" && Number.isFinite(time) ? time : 0;
}

const EVENTS =
  "create start die died oom destroy remove rename health_status pause unpause connect disconnect";

/** Only these: a health check alone makes two events for each of its runs. */
export function eventsPath(sinceSeconds: number): string {
  const filters = JSON.stringify({ type: ["container", "network"], event: EVENTS.split(" ") });
  return `/events?since=${sinceSeconds}&filters=${encodeURIComponent(filters)}`;
}
