import type { FastifyInstance } from "fastify";
import type { Matcher } from "../../shared/model/columns.ts";
import { type Labels, labelPairs } from "../../shared/model/labels.ts";
import type { ShownAlert } from "../model/notification.ts";

export type AcknowledgePort = {
  alerts(): readonly ShownAlert[];
  /** Gives how many. @throws OperationalError QUERY, LIMIT, STORAGE */
  acknowledge(
    matchers: readonly Matcher[],
    by: { readonly createdBy: string; readonly comment: string },
  ): Promise<number>;
};

const NAME_MAX = 100;
const COMMENT_MAX = 1000;

/**
 * POST `{fingerprint, createdBy, comment}`: somebody sees to this alert. Answers how many alerts
 * have its labels, and so are acknowledged.
 */
export function addAcknowledgeRoute(server: FastifyInstance, port: AcknowledgePort): void {
  server.post("/api/telltale/v1/acknowledgements", async ({ body }, reply) => {
    const { fingerprint, createdBy, comment } = (body ?? {}) as Record<string, unknown>;
    const alert = port.alerts().find((one) => one.fingerprint === fingerprint);
    if (alert === undefined) {
      return reply.code(404).send({ status: "error", error: "No such alert fires" });
    }
    const by = { createdBy: text(createdBy, NAME_MAX), comment: text(comment, COMMENT_MAX) };
    return { alerts: await port.acknowledge(exactly(alert.labels), by) };
  });
}

function text(value: unknown, lengthMax: number): string {
  return typeof value === "string" ? value.slice(0, lengthMax) : "";
}

function exactly(labels: Labels): Matcher[] {
  return labelPairs(labels).map(([name, value]) => ({ name, type: "=", value }));
}
