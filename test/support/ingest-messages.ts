import type { AgentMessage } from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import { PROTOCOL_VERSION } from "../../shared/wire/proto.ts";

export const STREAM = "0123456789abcdef0123456789abcdef";

export function hello(fields: Partial<NonNullable<AgentMessage["hello"]>> = {}) {
  return {
    protocolVersion: PROTOCOL_VERSION,
    kind: "KIND_METRICS" as const,
    node: "web-1",
    streamId: STREAM,
    agentVersion: "0.1.0",
    nowMs: 1,
    intervalMs: 1000,
    oldestSeq: 0,
    newestSeq: 0,
    ...fields,
  };
}

export function table(
  epoch: number,
  definitions: readonly { id: number; group: number; scale: number; labels: readonly string[] }[],
): AgentMessage {
  const series = definitions.map(({ labels, ...rest }) => ({ ...rest, labels: [...labels] }));
  return { series: { epoch, series } };
}
