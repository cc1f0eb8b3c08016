import { formatBytes, formatCount, formatNumber, formatShare } from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { locale, words } from "../settings.ts";
import {
  CONTAINER_QUERIES,
  type ContainerQuery,
  type ContainerRow,
  containerRows,
} from "./container-rows.ts";
import { type PromSample, queryNow } from "./queries.ts";

const QUERIES = Object.entries(CONTAINER_QUERIES) as [ContainerQuery, (of: string) => string][];
const LOOK_FROM = 0.8;
const BAD_FROM = 0.95;

/** The containers of a node, each against its own limits. `turn` is another one to read them anew. */
export function ContainerTable({ node, turn }: { node: string; turn: unknown }) {
  const loaded = useLoaded((signal) => loadContainers(node, signal), [node, turn]).value;
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
                <th scope="col">{w.cpuCores}</th>
                <th scope="col">{w.ofLimit}</th>
                <th scope="col">{w.memory}</th>
                <th scope="col">{w.ofLimit}</th>
                <th scope="col">{w.throttled}</th>
                <th scope="col">{w.restarts}</th>
                <th scope="col">{w.image}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <Row key={row.name} row={row} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Row({ row }: { row: ContainerRow }) {
  const shown = (value: number | null, format: (locale: string, value: number) => string) =>
    value === null ? "–" : format(locale.value, value);
  return (
    <tr>
      <th scope="row">
        <bdi title={row.name}>{row.name}</bdi>
      </th>
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

function LimitBar({ share }: { share: number | null }) {
  if (share === null) return <span class="quiet">{words.value.noLimit}</span>;
  const level = share >= BAD_FROM ? "full" : share >= LOOK_FROM ? "high" : "good";
  return (
    <span class={`bar level-${level}`}>
      <span class="bar-room" aria-hidden="true">
        <span class="bar-fill" style={{ width: `${Math.min(100, share * 100)}%` }} />
      </span>
      <span class="number">{formatShare(locale.value, share)}</span>
    </span>
  );
}

async function loadContainers(node: string, signal: AbortSignal): Promise<ContainerRow[]> {
  const of = `job="cadvisor",name!="",instance=${JSON.stringify(node)}`;
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
