import type { IncomingHttpHeaders } from "node:http";
import type { FastifyInstance } from "fastify";
import type { Clock } from "../../shared/platform/ports.ts";
import type { Metrics } from "../../shared/telemetry/metrics.ts";
import type { NodeStatus } from "../model/node.ts";
import { type AcknowledgePort, addAcknowledgeRoute } from "./acknowledge-route.ts";
import type { ContainerList } from "./container-list.ts";
import { addNodeRoutes } from "./node-routes.ts";
import { addNotificationRoutes, type NotificationPort } from "./notification-routes.ts";
import type { OverviewFeed } from "./overview-feed.ts";
import { addOverviewRoutes } from "./overview-routes.ts";
import { filesUnder, type PageFiles } from "./page-files.ts";
import { addPageRoutes } from "./page-routes.ts";
import { addSessionRoutes, type People } from "./session-routes.ts";

export type WebDeps = {
  readonly files: PageFiles;
  /** Of every path: "" or such as `/telltale`. */
  readonly prefix: string;
  readonly feed: OverviewFeed;
  readonly containers: Pick<ContainerList, "text">;
  readonly alerts: AcknowledgePort & NotificationPort;
  readonly nodes: { nodes(): readonly NodeStatus[] };
  /** Null: nobody is asked who they are. */
  readonly people: People | null;
  /** Whether whoever shows this may ask. */
  readonly mayAsk: (shown: Pick<IncomingHttpHeaders, "authorization" | "cookie">) => boolean;
  readonly clock: Clock;
  readonly metrics: Metrics;
};

/** Bytes of a body. */
const BODY_BYTES_MAX = 16 * 1024;

/** The page, and what only it has needed so far; in a scope of its own, which takes JSON. */
export function addWebRoutes(scope: FastifyInstance, deps: WebDeps): void {
  const options = { parseAs: "string", bodyLimit: BODY_BYTES_MAX } as const;
  scope.addContentTypeParser("application/json", options, (_request, body, done) => {
    try {
      done(null, JSON.parse(String(body)));
    } catch {
      done(Object.assign(new Error("The body is not JSON"), { statusCode: 400 }), undefined);
    }
  });
  addPageRoutes(scope, filesUnder(deps.prefix, deps.files), deps.prefix);
  addOverviewRoutes(scope, deps.feed, deps);
  scope.get("/api/telltale/v1/containers", async (_request, reply) => {
    const text = await deps.containers.text();
    reply.header("cache-control", "no-store");
    return reply.type("application/json; charset=utf-8").send(text);
  });
  addAcknowledgeRoute(scope, deps.alerts);
  addNotificationRoutes(scope, deps.alerts);
  addNodeRoutes(scope, deps.nodes);
  addSessionRoutes(scope, deps.people, deps.prefix);
}
