import type { AlertColumns } from "../../overview-shape.ts";

export type ShownAlert = {
  readonly fingerprint: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly description: string;
  readonly startsAtMs: number;
  readonly silencedBy: readonly string[];
  readonly silencedUntilMs: number;
  readonly isInhibited: boolean;
  readonly acknowledgedBy: string;
};

export type Severity = "critical" | "warning" | "info";

function alertAt(columns: AlertColumns, place: number): ShownAlert {
  return {
    fingerprint: columns.fingerprint[place] ?? "",
    labels: columns.labels[place] ?? {},
    summary: columns.summary[place] ?? "",
    description: columns.description[place] ?? "",
    startsAtMs: columns.startsAtMs[place] ?? 0,
    silencedBy: columns.silencedBy[place] ?? [],
    silencedUntilMs: columns.silencedUntilMs[place] ?? 0,
    isInhibited: (columns.inhibitors[place] ?? 0) > 0,
    acknowledgedBy: columns.acknowledgedBy[place] ?? "",
  };
}

export function shownAlerts(columns: AlertColumns): ShownAlert[] {
  return columns.fingerprint.map((_, place) => alertAt(columns, place));
}

export function isMuted({ silencedBy, isInhibited }: ShownAlert): boolean {
  return silencedBy.length > 0 || isInhibited;
}

export function severityOf({ labels }: Pick<ShownAlert, "labels">): Severity {
  const severity = (labels["severity"] ?? "").toLowerCase();
  if (["critical", "page", "error"].includes(severity)) return "critical";
  return ["info", "none"].includes(severity) ? "info" : "warning";
}

/** Labels that say best what an alert is about, besides its node. */
const TELLING = ["name", "container", "service", "unit", "mountpoint", "device", "job_name", "pod"];
/** Those that say nothing about it, or are shown elsewhere. */
const SILENT = new Set(["alertname", "severity", "instance", "job", "id", "image", "fstype"]);
const PARTS_MAX = 3;

/** Who is to blame: a node, and what on it. */
export function culpritOf({ labels }: Pick<ShownAlert, "labels">): {
  readonly node: string;
  readonly parts: readonly string[];
} {
  const isThere = (name: string) => (labels[name] ?? "") !== "";
  const telling = TELLING.filter(isThere).filter((name) => {
    return name !== "device" || !isThere("mountpoint");
  });
  const others = Object.keys(labels).filter((name) => {
    return !TELLING.includes(name) && !SILENT.has(name);
  });
  const names = telling.length > 0 ? telling : others.toSorted();
  const parts = names.slice(0, PARTS_MAX).map((name) => labels[name] ?? "");
  return { node: labels["instance"] ?? "", parts };
}

/** All that a filter looks at. */
export function searchText({ labels, summary }: ShownAlert): string {
  return [...Object.values(labels), summary].join(" ").toLowerCase();
}
