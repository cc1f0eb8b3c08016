import { pairUp } from "../support/pair-up.ts";
import type { LogWriter } from "./log-writer.ts";

/** Numbers of lines that are not stored: `to` is. */
export type Gap = { readonly from: number; readonly to: number };

/** What an agent says of a file whose end it could not read. */
export type ReportedLoss = {
  readonly path: string;
  readonly fromOffset: number;
  readonly bytesSeen: number;
  readonly fromMs: number;
  readonly untilMs: number;
};

/** Lines are written for as long before their time is taken; the kernel's clock ticks every 4 ms. */
const TURN_MAX_MS = 500;

/**
 * What of the gaps no loss explains. A loss explains one gap of a log that is truncated: its lines are
 * the bytes that it counts, and then those that were written in its window.
 */
export function unexplained(
  writer: LogWriter,
  gaps: readonly Gap[],
  losses: readonly ReportedLoss[],
): string[] {
  const ofIt = losses.filter(({ path }) => path === writer.path);
  // An agent that was killed before that was stored says it again after its restart.
  const once = [
    ...new Map(ofIt.map((loss) => [`${loss.fromOffset} ${loss.fromMs}`, loss])).values(),
  ];
  const explained = pairUp(gaps, once, (gap, loss) => {
    return writer.truncates && isExplainedBy(writer, gap, loss);
  });
  const withLoss = new Set(explained.values());
  const wrong = gaps
    .filter((gap) => !withLoss.has(gap))
    .map(({ from, to }) => {
      const [firstMs, lastMs] = [writer.writtenAtMs(from), writer.writtenAtMs(to - 1)];
      const lines = `${from} to ${to} of ${writer.lines}, written from ${firstMs} to ${lastMs}`;
      return `${writer.path} (${writer.style}) lacks ${lines}, without a loss`;
    });
  for (const loss of once) {
    if (loss.bytesSeen === 0 || explained.has(loss)) continue;
    wrong.push(`${writer.path}: nothing is missing for ${JSON.stringify(loss)}`);
  }
  return wrong;
}

function isExplainedBy(writer: LogWriter, { from, to }: Gap, loss: ReportedLoss): boolean {
  const lineBytes = (seq: number) => writer.lineStart(seq).length + 1;
  let seq = from;
  let bytes = 0;
  for (; seq < to && bytes + lineBytes(seq) <= loss.bytesSeen; seq += 1) bytes += lineBytes(seq);
  const isCounted = loss.bytesSeen < bytes + 2 * lineBytes(from); // a copy may end within a line
  const unseenMs = seq === to ? loss.fromMs : writer.writtenAtMs(seq);
  const isInWindow = unseenMs >= loss.fromMs - TURN_MAX_MS;
  return isCounted && isInWindow && writer.writtenAtMs(to - 1) <= loss.untilMs + TURN_MAX_MS;
}
