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
export function explainedGaps(
  writer: LogWriter,
  gaps: readonly Gap[],
  losses: readonly ReportedLoss[],
): string[] {
  const unused = new Set(losses.filter(({ path }) => path === writer.path));
  const wrong: string[] = [];
  for (const gap of gaps) {
    const loss = [...unused].find((one) => writer.truncates && isExplainedBy(writer, gap, one));
    const text = `${writer.path} (${writer.style}) lacks ${gap.from} to ${gap.to} of ${writer.lines}`;
    if (loss === undefined) wrong.push(`${text} without a loss`);
    else for (const one of unused) if (isAgain(one, loss)) unused.delete(one);
  }
  for (const { bytesSeen, fromOffset } of unused) {
    if (bytesSeen > 0) wrong.push(`${writer.path}: ${bytesSeen} at ${fromOffset} are not lost`);
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

/** An agent that was killed before that was stored says it again after its restart. */
function isAgain(one: ReportedLoss, loss: ReportedLoss): boolean {
  return one.fromOffset === loss.fromOffset && one.fromMs === loss.fromMs;
}
