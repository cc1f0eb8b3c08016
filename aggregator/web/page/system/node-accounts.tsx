import { timeOf } from "../browser.ts";
import { formatBytes, formatCount, formatDuration } from "../format.ts";
import { hasAll, wordsOf } from "../overview/node-rows.ts";
import { NodeState } from "../overview/node-state.tsx";
import { parameters } from "../route.ts";
import { locale, words } from "../settings.ts";
import { nodePath } from "../view.ts";
import { clockText } from "./clock-text.ts";
import { accountOrder } from "./findings.ts";
import {
  droppedOf,
  type SystemNode,
  type SystemState,
  unaccountedOf,
  waitingOf,
} from "./load-system.ts";
import type { SystemQuery } from "./system-queries.ts";

/** Beyond them a filter helps more than scrolling does. */
const ROWS_MAX = 100;

/** What the agents have made, what is stored of it, and what waits. */
export function NodeAccounts({ state }: { state: SystemState }) {
  const w = words.value;
  const texts = wordsOf(parameters.value.get("q") ?? "");
  const buffers = byNode(state, "bufferBytes");
  const lags = byNode(state, "logLag");
  const shown = accountOrder(
    state.nodes.filter(({ name }) => hasAll(name.toLowerCase(), texts)),
    (name) => buffers.get(name) ?? 0,
  );
  const more = shown.length - ROWS_MAX;
  const heads = [w.version, w.clock, w.series, w.buffer, w.waiting, w.logLag, w.dropped];
  return (
    <section class="part" aria-labelledby="accounts-title">
      <h2 id="accounts-title">
        {w.accounts} <span class="quiet">{formatCount(locale.value, shown.length)}</span>
      </h2>
      {shown.length === 0 ? (
        <p class="quiet">{state.nodes.length === 0 ? w.noNodes : w.noneMatches}</p>
      ) : (
        <div class="scrolled" role="group" tabIndex={0} aria-labelledby="accounts-title">
          <table class="plain accounts">
            <thead>
              <tr>
                <th scope="col">{w.node}</th>
                <th scope="col">{w.state}</th>
                {heads.map((head) => (
                  <th scope="col" class="number" key={head}>
                    {head}
                  </th>
                ))}
                <th scope="col" class="number" title={w.unaccountedHint}>
                  {w.unaccounted}
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.slice(0, ROWS_MAX).map((node) => (
                <AccountRow
                  key={node.name}
                  node={node}
                  buffer={buffers.get(node.name)}
                  lagS={lags.get(node.name)}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {more > 0 ? <p class="quiet more">{w.moreRows(formatCount(locale.value, more))}</p> : null}
    </section>
  );
}

type AccountRowProps = {
  node: SystemNode;
  buffer: number | undefined;
  lagS: number | undefined;
};

function AccountRow({ node, buffer, lagS }: AccountRowProps) {
  const count = (value: number) => formatCount(locale.value, value);
  const [dropped, unaccounted] = [droppedOf(node), unaccountedOf(node)];
  const { clockAheadMs, isClockOff } = node;
  return (
    <tr>
      <th scope="row">
        <a href={nodePath(node.name)} title={node.name}>
          <bdi>{node.name}</bdi>
        </a>
      </th>
      <td>
        <NodeState
          state={node.state}
          sinceMs={node.stateSince === null ? 0 : timeOf(node.stateSince)}
        />
      </td>
      <td class="number">
        <bdi title={node.agentVersion}>{node.agentVersion || "–"}</bdi>
      </td>
      <td class={`number ${isClockOff ? "level-high" : ""}`}>
        {clockAheadMs === null ? "–" : clockText(clockAheadMs)}
      </td>
      <td class="number">{count(node.series)}</td>
      <td class="number">{buffer === undefined ? "–" : formatBytes(locale.value, buffer)}</td>
      <td class="number">{node.accounting === null ? "–" : count(waitingOf(node))}</td>
      <td class="number">
        {lagS === undefined ? "–" : formatDuration(locale.value, Math.round(lagS) * 1000)}
      </td>
      <td class={`number ${dropped > 0 ? "level-high" : ""}`} title={reasons(node)}>
        {node.accounting === null ? "–" : count(dropped)}
      </td>
      <td class={`number ${unaccounted > 0 ? "level-full" : ""}`}>
        {node.accounting === null ? "–" : count(unaccounted)}
      </td>
    </tr>
  );
}

function reasons({ accounting, logAccounting }: SystemNode): string {
  return [accounting, logAccounting]
    .flatMap((one) => Object.entries(one?.dropped ?? {}))
    .map(([reason, count]) => `${reason} ${count}`)
    .join(", ");
}

function byNode({ figures }: SystemState, name: SystemQuery): ReadonlyMap<string, number> {
  return new Map(
    figures[name].map(({ metric, value }) => [metric["instance"] ?? "", Number(value[1])]),
  );
}
