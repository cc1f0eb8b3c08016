import { PREFIX } from "./browser.ts";

export type View =
  | { readonly kind: "overview" | "alerts" | "system" | "unknown" }
  | { readonly kind: "node"; readonly name: string };

/** What an address without its search shows. */
export function viewOf(pathname: string, prefix = PREFIX): View {
  const path = pathname.startsWith(prefix) ? pathname.slice(prefix.length) : "";
  if (path === "/") return { kind: "overview" };
  if (path === "/alerts") return { kind: "alerts" };
  if (path === "/system") return { kind: "system" };
  const [, name] = /^\/nodes\/([^/]+)$/.exec(path) ?? [];
  if (name === undefined) return { kind: "unknown" };
  try {
    return { kind: "node", name: decodeURIComponent(name) };
  } catch {
    return { kind: "unknown" };
  }
}

/** The address of a path of the page, such as `/alerts`: what every link and every step has. */
export function addressOf(path: string, prefix = PREFIX): string {
  return `${prefix}${path}`;
}

export function nodePath(name: string): string {
  return addressOf(`/nodes/${encodeURIComponent(name)}`);
}
