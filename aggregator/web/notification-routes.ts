import type { FastifyInstance } from "fastify";
import { formatRfc3339 } from "../../shared/model/rfc3339.ts";
import type { Delivery, TestAnswer } from "../model/notification.ts";

export type NotificationPort = {
  /** Newest first, at most so many. @throws OperationalError STORAGE */
  deliveries(limit: number): Promise<readonly Delivery[]>;
  /** Sends a test through all integrations of it. @throws OperationalError NOT_FOUND */
  testReceiver(receiver: string, createdBy: string): Promise<readonly TestAnswer[]>;
};

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1000;
const NAME_MAX = 1000;

/**
 * GET `notifications?limit=`: who was notified of what, and what the receiver answered, in the form of
 * `telltale notifications --output json`. POST `receivers/test` `{receiver, createdBy}`: what
 * `telltale notify test` does.
 */
export function addNotificationRoutes(server: FastifyInstance, port: NotificationPort): void {
  server.get("/api/telltale/v1/notifications", async ({ url }, reply) => {
    const asked = Number(/[?&]limit=([1-9]\d{0,5})(?:&|$)/.exec(url)?.[1] ?? LIMIT_DEFAULT);
    const deliveries = await port.deliveries(Math.min(asked, LIMIT_MAX));
    return reply.header("cache-control", "no-store").send(deliveries.map(deliveryObject));
  });
  server.post("/api/telltale/v1/receivers/test", async ({ body }) => {
    const { receiver, createdBy } = (body ?? {}) as Record<string, unknown>;
    return (await port.testReceiver(text(receiver), text(createdBy))).map(answerObject);
  });
}

function deliveryObject({ timeMs, waitedMs, ...delivery }: Delivery): object {
  return { time: formatRfc3339(timeMs), waitedSeconds: waitedMs / 1000, ...delivery };
}

function answerObject({ tookMs, ...answer }: TestAnswer): object {
  return { ...answer, tookSeconds: tookMs / 1000 };
}

function text(value: unknown): string {
  return typeof value === "string" ? value.slice(0, NAME_MAX) : "";
}
