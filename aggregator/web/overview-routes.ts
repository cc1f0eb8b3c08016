import type { IncomingHttpHeaders } from "node:http";
import type { FastifyInstance } from "fastify";
import type { OverviewFeed } from "./overview-feed.ts";
import { OverviewStreams, STREAMS_MAX, type StreamDeps } from "./overview-streams.ts";

type OverviewDeps = StreamDeps & {
  /** Whether whoever shows this may ask. */
  readonly mayAsk: (shown: Pick<IncomingHttpHeaders, "authorization" | "cookie">) => boolean;
};

/** The overview in columns, and what changes in it as server-sent events. See docs/page.md. */
export function addOverviewRoutes(
  server: FastifyInstance,
  feed: OverviewFeed,
  { metrics, clock, mayAsk }: OverviewDeps,
): void {
  server.get("/api/telltale/v1/overview", async (_request, reply) => {
    const text = await feed.text();
    reply.header("cache-control", "no-store");
    return reply.type("application/json; charset=utf-8").send(text);
  });
  const streams = new OverviewStreams(feed, { metrics, clock });
  server.get("/api/telltale/v1/overview/changes", async (request, reply) => {
    if (streams.isFull) {
      const error = `${STREAMS_MAX} pages follow already`;
      return reply.code(503).header("retry-after", "5").send({ status: "error", error });
    }
    const after = Number(/[?&]after=(\d{1,16})(?:&|$)/.exec(request.url)?.[1]);
    const { authorization, cookie } = request.headers;
    reply.hijack();
    streams.open(reply.raw, after, () => mayAsk({ authorization, cookie }));
    return reply;
  });
  server.addHook("preClose", async () => streams.close());
}
