import type { Clock } from "../../shared/platform/ports.ts";
import type { ResultLine } from "../model/log-lines.ts";

const OVER = "over";
/** Lines that are gathered at most. */
const LINES_MAX = 5000;

/**
 * Lines as they come, but gathered for `delayMs` from the first one on and then put in the order of
 * their times: sources that are a little late find their place. Ends the source.
 */
export async function* gatheredLines(
  source: AsyncGenerator<readonly ResultLine[]>,
  delayMs: number,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<readonly ResultLine[]> {
  if (delayMs <= 0) {
    yield* source;
    return;
  }
  let next = source.next();
  for (;;) {
    const lines: ResultLine[] = [];
    let found: IteratorResult<readonly ResultLine[]> | typeof OVER = await next;
    const over = clock.sleep(delayMs, signal).then((): typeof OVER => OVER);
    over.catch(() => {}); // the source says why it ends
    while (found !== OVER && found.done !== true && lines.length < LINES_MAX) {
      for (const line of found.value) lines.push(line);
      next = source.next();
      next.catch(() => {}); // whoever waits for it is told
      found = await Promise.race([over, next]);
    }
    if (lines.length > 0) yield lines.sort((a, b) => a.timeUs - b.timeUs);
    if (found !== OVER && found.done === true) return;
  }
}
