/** What the page's own router knows; the aggregator answers each with the same document. */
export const PAGE_PATHS: readonly string[] = [
  ...["/", "/alerts", "/nodes/:name", "/logs", "/explore", "/system"],
  ...["/containers", "/containers/:node/:name", "/services", "/services/:name", "/compare/:metric"],
];
