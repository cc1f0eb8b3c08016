export type View =
  | { readonly kind: "overview" | "alerts" | "unknown" }
  | { readonly kind: "node"; readonly name: string };

/** What an address without its search shows. */
export function viewOf(path: string): View {
  if (path === "/") return { kind: "overview" };
  if (path === "/alerts") return { kind: "alerts" };
  const [, name] = /^\/nodes\/([^/]+)$/.exec(path) ?? [];
  if (name === undefined) return { kind: "unknown" };
  try {
    return { kind: "node", name: decodeURIComponent(name) };
  } catch {
    return { kind: "unknown" };
  }
}

export function nodePath(name: string): string {
  return `/nodes/${encodeURIComponent(name)}`;
}
