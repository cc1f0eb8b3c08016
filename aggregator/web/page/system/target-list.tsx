import { formatCount } from "../format.ts";
import { hasAll, wordsOf } from "../overview/node-rows.ts";
import { parameters } from "../route.ts";
import { locale, words } from "../settings.ts";
import type { SystemTarget } from "./load-system.ts";

const ROWS_MAX = 200;
/** Down first. */
const ORDER = ["down", "unknown", "up"];

/** What the agents scrape and probe, and why not where it fails. */
export function TargetList({ targets }: { targets: readonly SystemTarget[] }) {
  const w = words.value;
  const texts = wordsOf(parameters.value.get("q") ?? "");
  const shown = targets
    .filter(({ labels, node, scrapeUrl }) => {
      return hasAll([...Object.values(labels), node, scrapeUrl].join(" ").toLowerCase(), texts);
    })
    .sort(
      (a, b) =>
        ORDER.indexOf(a.health) - ORDER.indexOf(b.health) ||
        (`${a.scrapePool} ${a.scrapeUrl}` < `${b.scrapePool} ${b.scrapeUrl}` ? -1 : 1),
    );
  const more = shown.length - ROWS_MAX;
  return (
    <section class="part" aria-labelledby="targets-title">
      <h2 id="targets-title">
        {w.targets} <span class="quiet">{formatCount(locale.value, shown.length)}</span>
      </h2>
      {shown.length === 0 ? (
        <p class="quiet">{targets.length === 0 ? w.noTargets : w.noneMatches}</p>
      ) : (
        <div class="scrolled" role="group" tabIndex={0} aria-labelledby="targets-title">
          <table class="plain">
            <thead>
              <tr>
                {[w.state, w.job, w.target, w.node, w.lastError].map((head) => (
                  <th scope="col" key={head}>
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.slice(0, ROWS_MAX).map((target) => (
                <TargetRow key={`${target.node} ${JSON.stringify(target.labels)}`} {...target} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {more > 0 ? <p class="quiet more">{w.moreRows(formatCount(locale.value, more))}</p> : null}
    </section>
  );
}

function TargetRow({ health, scrapePool, scrapeUrl, node, lastError }: SystemTarget) {
  return (
    <tr>
      <th scope="row" class={`health health-${health}`}>
        <span class="shape" aria-hidden="true" />
        {words.value.healths[health]}
      </th>
      <TextCell text={scrapePool} />
      <TextCell text={scrapeUrl} />
      <TextCell text={node} />
      <TextCell text={lastError} />
    </tr>
  );
}

function TextCell({ text }: { text: string }) {
  return (
    <td>
      <bdi title={text}>{text}</bdi>
    </td>
  );
}
