import type { AgentPlatform } from "../../agent/platform.ts";

const nothing = () => Promise.reject(new Error("nothing is scraped here"));

/** Of an agent whose configuration has no jobs. */
export const NOTHING_SCRAPED: Pick<AgentPlatform, "scraping" | "units" | "containerId"> = {
  scraping: {
    getPage: nothing,
    discovery: { files: { list: nothing, mark: nothing, read: nothing }, get: nothing },
  },
  units: () => null,
  containerId: null,
};
