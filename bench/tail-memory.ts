import { appendFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Bed, residentMiB } from "../test/support/programs.ts";

const BYTES_A_SECOND = 5_000_000;
const PIECES_A_SECOND = 10;
/** After it, both have given back what their start took. */
const WARM_SECONDS = 30;
const SECONDS = 60;

/**
 * What an agent has in memory, in MiB, that tails a file into which 5 MB are written each second, and
 * one beside it that tails nothing; each sends to an aggregator of its own. The mean and the most.
 *
 * @param text whole lines, which are written again and again
 */
export async function tailMemory(text: string): Promise<Record<string, number>> {
  await using tailing = await Bed.open();
  await using none = await Bed.open();
  const log = tailing.write("access.log", "");
  const config = tailing.write("agent.yaml", `logs: { files: [{ include: ${log} }] }\n`);
  const agents = [tailing.start("agent", [`--config=${config}`]), none.start("agent")];
  await Promise.all([tailing.startReadyAggregator(), none.startReadyAggregator()]);
  const seen: number[][] = [[], []];
  const piece = wholeLines(text, BYTES_A_SECOND / PIECES_A_SECOND);
  const beganMs = performance.now();
  for (let count = 1; count <= (WARM_SECONDS + SECONDS) * PIECES_A_SECOND; count += 1) {
    appendFileSync(log, piece);
    await delay(Math.max(0, (count * 1000) / PIECES_A_SECOND - (performance.now() - beganMs)));
    if (count % PIECES_A_SECOND !== 0 || count <= WARM_SECONDS * PIECES_A_SECOND) continue;
    for (const [i, agent] of agents.entries()) seen[i]?.push(residentMiB(agent.child.pid));
  }
  await requireDelivered(tailing, piece.length);
  const [own = [], others = []] = seen;
  return {
    rss_mib_tailing: mean(own),
    rss_mib_tailing_at_most: Math.max(...own),
    rss_mib_without_logs: mean(others),
    rss_mib_more: mean(own) - mean(others),
  };
}

function wholeLines(text: string, bytes: number): string {
  return text.slice(0, text.lastIndexOf("\n", bytes) + 1);
}

/** Memory counts only where the lines arrive. */
async function requireDelivered(bed: Bed, pieceBytes: number): Promise<void> {
  const page = await (await fetch(`http://127.0.0.1:${bed.agentPort}/metrics`)).text();
  const read = Number(/^telltale_agent_log_read_bytes_total(?:\{.*\})? (\S+)$/m.exec(page)?.[1]);
  const written = pieceBytes * PIECES_A_SECOND * (WARM_SECONDS + SECONDS);
  if (read > written * 0.9) return;
  throw new Error(`Only ${read} of ${written} bytes were read:\n${page}`);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
