import type { Labels } from "../../../shared/model/labels.ts";
import type { Route } from "../routing.ts";

/**
 * The routes that an alert with these labels takes, in the order of the file. A route's children are
 * asked first; it takes the alert itself where none of them does. After a child that takes it, the
 * siblings behind are asked only if that child `continues`. Source: prometheus.io/docs, Alertmanager,
 * "Configuration", Route-related settings.
 */
export function matchRoutes(root: Route, labels: Labels): readonly Route[] {
  if (!root.test.matches(labels)) return [];
  const taken: Route[] = [];
  for (const child of root.routes) {
    const below = matchRoutes(child, labels);
    taken.push(...below);
    if (below.length > 0 && !child.continues) break;
  }
  return taken.length > 0 ? taken : [root];
}
