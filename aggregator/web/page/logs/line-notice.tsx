import { setParameters } from "../route.ts";
import { words } from "../settings.ts";
import type { LineFeed } from "./line-feed.ts";
import { lineTime } from "./line-list.tsx";

/** What stands between the counts and the lines: what went wrong, and from where on lines are shown. */
export function LineNotice({ feed, atMs }: { feed: LineFeed; atMs: number | null }) {
  const { fromSecond, showAllLines, tailLost } = words.value;
  const problem = feed.problem.value;
  const isLost = feed.tail.value === "lost";
  return (
    <>
      {atMs === null ? null : (
        <p class="line-notice">
          <span class="number">{fromSecond(lineTime(atMs))}</span>{" "}
          <button type="button" onClick={() => setParameters({ at: "" })}>
            {showAllLines}
          </button>
        </p>
      )}
      {problem === "" && !isLost ? null : (
        <p class="line-notice problem" role="status">
          {isLost ? tailLost(problem) : problem}
        </p>
      )}
    </>
  );
}

export function secondOf(parameters: URLSearchParams): number | null {
  const text = parameters.get("at") ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}
