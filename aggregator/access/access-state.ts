import { formatRfc3339 } from "../../shared/model/rfc3339.ts";
import type { Standing } from "../model/access.ts";
import type { AgentRecord, AuthorityRecord, JoinTokenRecord } from "./records.ts";

/** `record`: what is known of the certificate; undefined: nothing. */
export function standingOf(record: AgentRecord | undefined, nowMs: number): Standing {
  const refused = (reason: string, text: string) => ({ kind: "refused", reason, text }) as const;
  if (record === undefined) {
    const text = "This aggregator does not know the certificate";
    const hint = "(was an older copy of its data put back?): join again";
    return refused("unknown-certificate", `${text} ${hint}`);
  }
  const { node, revokedMs, notAfterMs } = record;
  const what = `The certificate of node ${node}`;
  if (revokedMs > 0) {
    const hint = "an admin can make a new join token for it";
    return refused("revoked", `${what} was revoked at ${formatRfc3339(revokedMs)}: ${hint}`);
  }
  if (nowMs > notAfterMs) {
    return refused("expired", `${what} ended at ${formatRfc3339(notAfterMs)}: join again`);
  }
  return { kind: "good", node };
}

/**
 * The CAs that can go: older than the newest, and no node depends on one of them any more: it has
 * shown a certificate of a newer CA, or has none in force. That one was issued is not enough: the
 * answer may have been lost on its way.
 */
export function finishedAuthorities(
  authorities: readonly AuthorityRecord[],
  agents: readonly AgentRecord[],
  nowMs: number,
): AuthorityRecord[] {
  const sorted = authorities.toSorted((a, b) => a.createdMs - b.createdMs);
  const place = new Map(sorted.map(({ fingerprint }, i) => [fingerprint, i]));
  const inForce = newestByNode(agents.filter((one) => standingOf(one, nowMs).kind === "good"));
  const seen = newestByNode(agents.filter(({ seenMs }) => seenMs > 0));
  const shown = new Map(seen.map((one) => [one.node, one]));
  const oldestNeeded = Math.min(
    sorted.length - 1,
    ...inForce.map((one) => place.get((shown.get(one.node) ?? one).authority) ?? 0),
  );
  const ended = sorted.slice(0, -1).filter(({ notAfterMs }) => nowMs > notAfterMs);
  return [...new Set([...sorted.slice(0, oldestNeeded), ...ended])];
}

export function newestByNode(agents: readonly AgentRecord[]): AgentRecord[] {
  const newest = new Map<string, AgentRecord>();
  for (const one of agents) {
    const known = newest.get(one.node);
    if (known === undefined || known.issuedMs <= one.issuedMs) newest.set(one.node, one);
  }
  return [...newest.values()];
}

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
  const fault = (reason: string, text: string) => ({ reason, text });
  if (record === undefined) {
    return fault("unknown", "The join token is unknown: this aggregator did not make it");
  }
  if (record.usedMs > 0) {
    const by = `The join token was used already, by node ${record.usedBy}`;
    return fault("used", `${by}: each is good for one node, ask for another`);
  }
  if (nowMs > record.expiresMs) {
    return fault("expired", "The join token has expired: ask for another");
  }
  if (record.node !== "" && record.node !== node) {
    return fault("other-node", `The join token is for node ${record.node}, not for ${node}`);
  }
  if (record.node === "" && hasCertificate) {
    const hint = `revoke it first, or have the token made with --node ${node}`;
    return fault("node-taken", `Node ${node} has joined already: ${hint}`);
  }
  return null;
}
