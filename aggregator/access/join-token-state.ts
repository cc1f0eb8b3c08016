import type { JoinTokenRecord } from "./records.ts";

/**
 * Why a node cannot join with the token; null: it can. `reason` is the label of a metric.
 * @param record undefined: no such token was given out, or long ago
 */
export function joinFault(
  record: JoinTokenRecord | undefined,
  node: string,
  hasCertificate: boolean,
  nowMs: number,
): { readonly reason: string; readonly text: string } | null {
  if (record === undefined) {
    return {
      reason: "unknown",
      text: "The join token is unknown: this aggregator did not make it",
    };
  }
  if (record.usedMs > 0) {
    const text = `The join token was used already, by node ${record.usedBy}: each is good for one node, ask for another`;
    return { reason: "used", text };
  }
  if (nowMs > record.expiresMs) {
    return { reason: "expired", text: "The join token has expired: ask for another" };
  }
  if (record.node !== "" && record.node !== node) {
    const text = `The join token is for node ${record.node}, not for ${node}`;
    return { reason: "other-node", text };
  }
  if (record.node === "" && hasCertificate) {
    const text = `Node ${node} has joined already: revoke it first, or have the token made with --node ${node}`;
    return { reason: "node-taken", text };
  }
  return null;
}
