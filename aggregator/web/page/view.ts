import { PREFIX } from "./browser.ts";

export type View =
  | {
      readonly kind:
        | "overview"
        | "alerts"
        | "logs"
        | "explore"
        | "system"
        | "containers"
        | "services"
        | "unknown";
    }
  | { readonly kind: "node" | "service" | "compare"; readonly name: string }
  | { readonly kind: "container"; readonly node: string; readonly name: string };

const PLAIN: Readonly<Record<string, View>> = {
  "/": { kind: "overview" },
  "/alerts": { kind: "alerts" },
  "/logs": { kind: "logs" },
  "/explore": { kind: "explore" },
  "/system": { kind: "system" },
  "/containers": { kind: "containers" },
  "/services": { kind: "services" },
};
const NAMED = { nodes: "node", services: "service", compare: "compare" } as const;

/** What an address without its search shows. */
export function viewOf(pathname: string, prefix = PREFIX): View {
  const path = pathname.startsWith(prefix) ? pathname.slice(prefix.length) : "";
  if (Object.hasOwn(PLAIN, path)) return PLAIN[path] ?? { kind: "unknown" };
  try {
    return namedView(path.split("/").slice(1).map(decodeURIComponent));
  } catch {
    return { kind: "unknown" };
  }
}

function namedView([folder = "", first = "", second = "", ...more]: readonly string[]): View {
  if (first === "" || more.length > 0) return { kind: "unknown" };
  if (folder === "containers" && second !== "") {
    return { kind: "container", node: first, name: second };
  }
  if (second !== "" || !Object.hasOwn(NAMED, folder)) return { kind: "unknown" };
  return { kind: NAMED[folder as keyof typeof NAMED], name: first };
}

/** The address of a path of the page, such as `/alerts`: what every link and every step has. */
export function addressOf(path: string, prefix = PREFIX): string {
  return `${prefix}${path}`;
}

export function nodePath(name: string): string {
  return addressOf(`/nodes/${encodeURIComponent(name)}`);
}

export function containerPath(node: string, name: string): string {
  return addressOf(`/containers/${encodeURIComponent(node)}/${encodeURIComponent(name)}`);
}

export function servicePath(name: string): string {
  return addressOf(`/services/${encodeURIComponent(name)}`);
}

/** @param by what has a line each */
export function comparePath(metric: string, by: "nodes" | "containers"): string {
  return addressOf(
    `/compare/${encodeURIComponent(metric)}${by === "nodes" ? "" : "?by=containers"}`,
  );
}
