import { type Labels, labelsKey, labelsOf } from "../../../shared/model/labels.ts";
import { cleanText } from "../../containers/hostile-json.ts";
import { unitService } from "../../containers/service-name.ts";
import {
  containerLabels,
  type NamedContainer,
  type NodeLabels,
} from "../containers/container-labels.ts";
import type { JournalEntry } from "./export-parser.ts";

/** Fields that say where an entry is from, besides its message. */
export const SOURCE_FIELDS: ReadonlySet<string> = new Set([
  "PRIORITY",
  "SYSLOG_IDENTIFIER",
  "_COMM",
  "_LINE_BREAK",
  "_PID",
  "_SYSTEMD_UNIT",
  "_SYSTEMD_USER_UNIT",
  "_TRANSPORT",
  "_UID",
  "CONTAINER_ID_FULL",
  "CONTAINER_NAME",
  "CONTAINER_PARTIAL_LAST",
  "CONTAINER_PARTIAL_MESSAGE",
  "IMAGE_NAME",
]);

export type EntrySource = {
  /** Entries of one key may belong together. */
  readonly key: string;
  readonly labels: Labels;
  /** What a program printed, cut at newlines: several entries may be one. */
  readonly isPrinted: boolean;
  /** The line goes on in the next entry of the key. */
  readonly isPart: boolean;
};

/** Finds the container of an id, by the name that came along; null: no runtime's of the system. */
export type FindContainer = (id: string, name: string) => NamedContainer | null;

const REMEMBERED_MAX = 2000;

/** Who wrote an entry, as labels of its line. */
export class EntrySources {
  readonly #find: FindContainer;
  readonly #node: NodeLabels;
  readonly #remembered = new Map<string, { readonly labels: Labels; readonly key: string }>();

  /** @param node the labels of this node, on every line */
  constructor(find: FindContainer, node: NodeLabels) {
    this.#find = find;
    this.#node = node;
  }

  of({ fields }: JournalEntry): EntrySource {
    const at = (name: string) => fields.get(name) ?? "";
    const container = containerId(at);
    const who = [
      ...[at("_SYSTEMD_UNIT"), at("_SYSTEMD_USER_UNIT"), at("SYSLOG_IDENTIFIER"), at("_COMM")],
      ...[at("PRIORITY"), at("_TRANSPORT"), at("_UID"), container, at("CONTAINER_NAME")],
      at("IMAGE_NAME"),
    ].join("\u0000");
    let found = this.#remembered.get(who);
    if (found === undefined) {
      const labels =
        container === "" ? unitLabels(this.#node, at) : this.#containerLabels(container, at);
      found = { labels, key: labelsKey(labels) };
      if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear();
      this.#remembered.set(who, found);
    }
    const { labels, key } = found;
    if (container !== "") return { key, labels, isPrinted: true, isPart: isPartOfContainer(at) };
    const isPart = at("_LINE_BREAK") === "line-max"; // journald cuts what is printed at 48 KiB
    const isPrinted = at("_TRANSPORT") === "stdout";
    return { key: `${key}\u0000${at("_PID")}`, labels, isPrinted, isPart };
  }

  #containerLabels(id: string, at: (name: string) => string): Labels {
    const name = cleanText(at("CONTAINER_NAME"));
    const said = { id, name, image: cleanText(at("IMAGE_NAME")), labels: {} };
    const stream = at("PRIORITY") === STDERR ? "stderr" : "stdout";
    // Anybody may say anything of a container: only what a daemon of the system says is looked up.
    const found = at("_UID") === "0" ? this.#find(id, name) : null;
    const container = found === null ? said : { ...found, name: name || found.name };
    return containerLabels(this.#node, container, stream);
  }
}

/** By which Docker's journald driver and conmon say that a container wrote to its standard error. */
const STDERR = "3";

/** Of a line that the runtime of a container hands on; "": it is none. */
function containerId(at: (name: string) => string): string {
  const id = at("CONTAINER_ID_FULL");
  const isRuntime = at("_COMM") === "dockerd" || at("_COMM") === "conmon";
  return isRuntime && /^[0-9a-f]{64}$/.test(id) ? id : "";
}

/** Docker says which part is the last, conmon of the last nothing. */
function isPartOfContainer(at: (name: string) => string): boolean {
  return at("CONTAINER_PARTIAL_MESSAGE") === "true" && at("CONTAINER_PARTIAL_LAST") !== "true";
}

function unitLabels(node: NodeLabels, at: (name: string) => string): Labels {
  const unit = lastingUnit(at("_SYSTEMD_USER_UNIT") || at("_SYSTEMD_UNIT"));
  const level = levelOf(at("PRIORITY"), at("_TRANSPORT"));
  const own = { ...node, job: "journal", level };
  if (unit !== "") return labelsOf({ ...own, unit, service: unitService(unit) });
  const identifier = cleanText(at("SYSLOG_IDENTIFIER") || at("_COMM") || at("_TRANSPORT"));
  return labelsOf({ ...own, identifier, service: identifier });
}

/**
 * The unit's name where it has one for longer than a session, a connection or a command; else "", for
 * each of them would be a log stream of its own. Scopes are named by what is in them; `run-u12.service`
 * is what systemd-run names; `sshd@7-10.0.0.1:22-10.0.0.2:5022.service` is one connection.
 */
export function lastingUnit(unit: string): string {
  const name = cleanText(unit);
  if (name.endsWith(".scope") || /^run-[a-z0-9-]+\.service$/.test(name)) return "";
  return name.replace(/@\d+-[^@]*-[^@]*\.service$/, "@.service");
}

/** Those of RFC 5424, 6.2.1, in the words of `detected_level`. */
const LEVELS = ["fatal", "critical", "critical", "error", "warn", "notice", "info", "debug"];

/**
 * "" where nobody said it: systemd gives the priority 6 to all that a program prints, whatever level
 * the line itself states.
 */
function levelOf(priority: string, transport: string): string {
  if (transport === "stdout" && priority === "6") return "";
  return /^[0-7]$/.test(priority) ? (LEVELS[Number(priority)] ?? "") : "";
}
