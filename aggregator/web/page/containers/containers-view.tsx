import { useMemo } from "preact/hooks";
import type { ContainerColumns } from "../../containers-shape.ts";
import { getJson } from "../browser.ts";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatNumber,
  formatRate,
  formatShare,
} from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { clockMs } from "../overview-store.ts";
import { locale, words } from "../settings.ts";
import type { Column } from "../table/columns.ts";
import { ShareMark } from "../table/limit-bar.tsx";
import { Loading } from "../table/loading.tsx";
import { VirtualTable } from "../table/virtual-table.tsx";
import { useTurns } from "../turns.ts";
import { comparePath, containerPath, nodePath, servicePath } from "../view.ts";
import { type ContainerRow, containerRows } from "./container-rows.ts";
import { StateText } from "./state-text.tsx";

const PATH = "/api/telltale/v1/containers";
const EVERY_MS = 10_000;
const HIGH = 0.1;

/** All containers of all nodes. */
export function ContainersView() {
  const turn = useTurns(EVERY_MS);
  const loaded = useLoaded((signal) => getJson<ContainerColumns>(PATH, signal), [turn]).value;
  const answer = loaded.value;
  const rows = useMemo(() => (answer === null ? [] : containerRows(answer)), [answer]);
  const w = words.value;
  if (answer === null) return <Loading title={w.containers} problem={loaded.problem} />;
  const isCut = answer.total > rows.length;
  return (
    <VirtualTable
      title={w.containers}
      rows={rows}
      columns={columnsOf()}
      keyOf={keyOf}
      textOf={textOf}
      pathOf={pathOf}
      nameOf={nameOf}
      sort="cpu"
      empty={w.containersNone}
      remark={
        <>
          {isCut ? (
            <span class="problem">{w.tableCut(formatCount(locale.value, answer.total))}</span>
          ) : null}
          {loaded.problem === "" ? null : <span class="problem">{loaded.problem}</span>}
          <a href={comparePath("cpu", "containers")}>{w.compare}</a>
        </>
      }
    />
  );
}

const keyOf = ({ node, name }: ContainerRow) => `${node}\n${name}`;
const textOf = (row: ContainerRow) =>
  `${row.name} ${row.node} ${row.image} ${row.service} ${row.state}`;
const pathOf = ({ node, name }: ContainerRow) => containerPath(node, name);
const nameOf = ({ name }: ContainerRow) => name;

type Format = (locale: string, value: number) => string;

function shown(value: number | null, format: Format): string {
  return value === null ? "–" : format(locale.value, value);
}

function columnsOf(): Column<ContainerRow>[] {
  const w = words.value;
  return [
    {
      key: "name",
      title: w.name,
      width: "minmax(130px, 1.7fr)",
      valueOf: nameOf,
      cell: () => null,
    },
    {
      ...{ key: "node", title: w.node, width: "minmax(80px, 1fr)", valueOf: ({ node }) => node },
      cell: ({ node }) => <Linked href={nodePath(node)} text={node} />,
    },
    {
      ...{ key: "state", title: w.state, width: "minmax(76px, 0.5fr)" },
      valueOf: ({ state }) => state,
      cell: ({ state }) => <StateText state={state} />,
    },
    ...figureColumns(),
    {
      ...{ key: "service", title: w.service, width: "minmax(70px, 0.9fr)" },
      valueOf: ({ service }) => service,
      cell: ({ service }) => <Linked href={servicePath(service)} text={service} />,
    },
    {
      ...{ key: "image", title: w.image, width: "minmax(80px, 1.3fr)" },
      valueOf: ({ image }) => image,
      cell: ({ image }) => <bdi title={image}>{image.slice(image.lastIndexOf("/") + 1)}</bdi>,
    },
  ];
}

function figureColumns(): Column<ContainerRow>[] {
  const w = words.value;
  const bars = { isNumber: true, width: "minmax(86px, 0.7fr)" } as const;
  const narrow = { isNumber: true, width: "minmax(58px, 0.45fr)" } as const;
  return [
    {
      ...{ key: "cpu", title: w.cpu, hint: w.containersCpuHint, ...bars },
      valueOf: ({ cpu }) => cpu,
      cell: (row) => <ShareMark share={row.cpuLimit} text={shown(row.cpu, formatNumber)} />,
    },
    {
      ...{ key: "memory", title: w.memory, hint: w.containersMemoryHint, ...bars },
      valueOf: ({ memory }) => memory,
      cell: (row) => <ShareMark share={row.memoryLimit} text={shown(row.memory, formatBytes)} />,
    },
    {
      ...{ key: "limit", title: w.containersLimit, hint: w.containersLimitHint, ...narrow },
      valueOf: ({ memoryLimit }) => memoryLimit,
      cell: ({ memoryLimit }) => shown(memoryLimit, formatShare),
    },
    {
      ...{ key: "throttled", title: w.throttled, ...narrow },
      valueOf: ({ throttled }) => throttled,
      cell: ({ throttled }) => (
        <Warned isBad={(throttled ?? 0) > HIGH} text={shown(throttled, formatShare)} />
      ),
    },
    {
      ...{ key: "network", title: w.network, ...bars },
      valueOf: ({ network }) => network,
      cell: ({ network }) => shown(network, formatRate),
    },
    {
      ...{ key: "oom", title: w.containersOom, hint: w.containersOomHint, ...narrow },
      valueOf: ({ oomKills }) => oomKills,
      cell: ({ oomKills }) => (
        <Warned isBad={(oomKills ?? 0) > 0} text={shown(oomKills, formatCount)} />
      ),
    },
    {
      ...{
        key: "restarts",
        title: w.containersRestarts,
        hint: w.containersRestartsHint,
        ...narrow,
      },
      valueOf: ({ restarts }) => restarts,
      cell: ({ restarts }) => shown(restarts, formatCount),
    },
    {
      ...{ key: "started", title: w.containersStarted, ...narrow, isExtra: true },
      valueOf: ({ startedMs }) => startedMs,
      cell: ({ startedMs }) =>
        startedMs === null ? "–" : formatDuration(locale.value, clockMs.peek() - startedMs),
    },
  ];
}

function Linked({ href, text }: { href: string; text: string }) {
  if (text === "") return <span class="quiet">–</span>;
  return (
    <a href={href} title={text}>
      <bdi>{text}</bdi>
    </a>
  );
}

function Warned({ isBad, text }: { isBad: boolean; text: string }) {
  return <span class={isBad ? "level-high" : ""}>{text}</span>;
}
