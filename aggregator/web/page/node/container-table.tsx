import { formatBytes, formatCount, formatNumber, formatShare } from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { locale, words } from "../settings.ts";
import { LimitBar } from "../table/limit-bar.tsx";
import { containerPath, nodePath } from "../view.ts";
import { CONTAINER_QUERIES, type ContainerQuery } from "./container-queries.ts";
import { type ContainerRow, containerRows } from "./container-rows.ts";
import type { PromSample } from "./prom-answer.ts";
import { queryNow } from "./queries.ts";

const QUERIES = Object.entries(CONTAINER_QUERIES) as [ContainerQuery, (of: string) => string][];

/** Beyond them the view of all containers helps more. */
const ROWS_MAX = 200;

type TableProps = {
  /** Of the series of those that are meant. */
  matchers: string;
  /** Another one to read them anew. */
  turn: unknown;
  /** They may be of several nodes. */
  hasNodes?: true;
};

/** Some containers, each against its own limits. */
export function ContainerTable({ matchers, turn, hasNodes }: TableProps) {
  const loaded = useLoaded((signal) => loadContainers(matchers, signal), [matchers, turn]).value;
  const w = words.value;
  const rows = loaded.value ?? [];
  return (
    <section class="part" aria-labelledby="containers-title">
      <h2 id="containers-title">
        {w.containers} <span class="quiet">{formatCount(locale.value, rows.length)}</span>
      </h2>
      {rows.length === 0 ? (
        <p class="quiet">
          {loaded.problem || (loaded.value === null ? w.loading : w.noContainers)}
        </p>
      ) : (
        <div class="scrolled" role="group" tabIndex={0} aria-labelledby="containers-title">
          <table class="containers">
            <thead>
              <tr>
                <th scope="col">{w.name}</th>
                {hasNodes ? <th scope="col">{w.node}</th> : null}
                <th scope="col" class="number">
                  {w.cpuCores}
                </th>
                <th scope="col">{w.ofLimit}</th>
                <th scope="col" class="number">
                  {w.memory}
                </th>
                <th scope="col">{w.ofLimit}</th>
                <th scope="col" class="number">
                  {w.throttled}
                </th>
                <th scope="col" class="number">
                  {w.restarts}
                </th>
                <th scope="col">{w.image}</th>
              </tr>
            </thead>
            <tbody>
              {rows.slice(0, ROWS_MAX).map((row) => (
                <Row key={`${row.node} ${row.name}`} row={row} hasNode={hasNodes === true} />
              ))}
            </tbody>
          </table>
          {rows.length > ROWS_MAX ? (
            <p class="quiet more">
              {w.tableMore(formatCount(locale.value, rows.length - ROWS_MAX))}
            </p>
          ) : null}
        </div>
      )}
    </section>
  );
}

function Row({ row, hasNode }: { row: ContainerRow; hasNode: boolean }) {
  const shown = (value: number | null, format: (locale: string, value: number) => string) =>
    value === null ? "–" : format(locale.value, value);
  return (
    <tr>
      <th scope="row">
        <a href={containerPath(row.node, row.name)} title={row.name}>
          <bdi>{row.name}</bdi>
        </a>
      </th>
      {hasNode ? (
        <td>
          <a href={nodePath(row.node)} title={row.node}>
            <bdi>{row.node}</bdi>
          </a>
        </td>
      ) : null}
      <td class="number">{shown(row.cpu, formatNumber)}</td>
      <td>
        <LimitBar share={row.cpuLimitShare} />
      </td>
      <td class="number">{shown(row.memory, formatBytes)}</td>
      <td>
        <LimitBar share={row.memoryLimitShare} />
      </td>
      <td class="number">{shown(row.throttled, formatShare)}</td>
      <td class="number">{shown(row.restarts, formatCount)}</td>
      <td class="image">
        <bdi title={row.image}>{row.image}</bdi>
      </td>
    </tr>
  );
}

async function loadContainers(matchers: string, signal: AbortSignal): Promise<ContainerRow[]> {
  const of = `job="cadvisor",name!="",${matchers}`;
  const found = await Promise.all(
    QUERIES.map(
      async ([name, query]): Promise<[ContainerQuery, readonly PromSample[]]> => [
        name,
        await queryNow(query(of), signal),
      ],
    ),
  );
  return containerRows(Object.fromEntries(found) as Record<ContainerQuery, readonly PromSample[]>);
}
