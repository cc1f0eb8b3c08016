import { BodyRoom } from "../../agent/model/body-room.ts";
import type { AgentPlatform } from "../../agent/platform.ts";
import { systemAuthorities } from "../../agent/scrape/http/http-gets.ts";

const nothing = () => Promise.reject(new Error("nothing is scraped here"));

type Parts = Pick<
  AgentPlatform,
  "scraping" | "authorities" | "host" | "containerId" | "openDatagrams"
>;

/** Of an agent whose configuration has no jobs, and to which nothing is pushed. */
export const NOTHING_SCRAPED: Parts = {
  scraping: {
    getPage: nothing,
    bodies: new BodyRoom(),
    discovery: { files: { list: nothing, mark: nothing, read: nothing }, get: nothing },
  },
  authorities: systemAuthorities({}),
  host: () => null,
  containerId: null,
  openDatagrams: nothing,
};
