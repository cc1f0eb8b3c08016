import { useComputed } from "@preact/signals";
import { formatBytes, formatCount, formatDuration, formatShare } from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { clockMs, isPaused } from "../overview-store.ts";
import { locale, words } from "../settings.ts";
import { nodePath } from "../view.ts";
import { clockText } from "./clock-text.ts";
import { type Finding, findingsOf, type Limit, versionsOf } from "./findings.ts";
import { figureOf, loadSystem, type SystemState, sumOf } from "./load-system.ts";
import { NodeAccounts } from "./node-accounts.tsx";
import { LimitTable, ReceiverTable, StoreTable } from "./small-tables.tsx";
import { TargetList } from "./target-list.tsx";

const EVERY_MS = 10_000;

/** How Telltale itself does. */
export function SystemView() {
  const turn = useComputed(() => (isPaused.value ? 0 : Math.floor(clockMs.value / EVERY_MS))).value;
  const loaded = useLoaded(loadSystem, [turn]).value;
  const state = loaded.value;
  const { systemTitle, failed, loading } = words.value;
  return (
    <>
      <h1 class="unseen">{systemTitle}</h1>
      {loaded.problem === "" ? null : (
        <p class="problem system-problem" role="alert">
          {failed(loaded.problem)}
        </p>
      )}
      {state === null ? (
        <p class="placeholder">{loading}</p>
      ) : (
        <>
          <Tiles state={state} />
          <Findings findings={findingsOf(state)} />
          <div class="system-columns">
            <div>
              <NodeAccounts state={state} />
              <TargetList targets={state.targets} />
            </div>
            <div>
              <StoreTable state={state} />
              <LimitTable state={state} />
              <ReceiverTable state={state} />
            </div>
          </div>
        </>
      )}
    </>
  );
}

function Tiles({ state }: { state: SystemState }) {
  const w = words.value;
  const count = (value: number | null) => {
    return value === null ? "–" : formatCount(locale.value, value);
  };
  const bytes = (value: number | null) => {
    return value === null ? "–" : formatBytes(locale.value, value);
  };
  const up = state.nodes.filter((node) => node.state === "up").length;
  const down = state.targets.filter(({ health }) => health === "down").length;
  const tiles: [name: string, text: string, more: string][] = [
    [w.aggregator, state.version, w.version],
    [w.nodes, count(up), w.ofAll(count(state.nodes.length))],
    [
      w.agents,
      versionsOf(state.nodes)[0]?.[0] ?? "–",
      w.versionCount(versionsOf(state.nodes).length),
    ],
    [
      w.series,
      count(figureOf(state, "series")),
      w.partitions(count(figureOf(state, "partitions"))),
    ],
    [
      w.stored,
      bytes(sumOf(state, "storeBytes") || null),
      w.diskLeft(bytes(figureOf(state, "diskFree"))),
    ],
    [w.targets, count(state.targets.length - down), w.targetsDown(count(down))],
  ];
  return (
    <dl class="tiles">
      {tiles.map(([name, text, more]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <strong class="number">{text}</strong> <span class="quiet">{more}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Findings({ findings }: { findings: readonly Finding[] }) {
  const { needsLook, allWell } = words.value;
  return (
    <section class="part" aria-labelledby="findings-title">
      <h2 id="findings-title">
        {needsLook} <span class="quiet">{findings.length}</span>
      </h2>
      {findings.length === 0 ? (
        <p class="all-well">
          <span class="shape" aria-hidden="true" />
          {allWell}
        </p>
      ) : (
        <ul class="alerts findings">
          {findings.map((finding) => (
            <FindingRow key={`${finding.kind} ${finding.subject} ${finding.text}`} {...finding} />
          ))}
        </ul>
      )}
    </section>
  );
}

/** Kinds whose subject is a node. */
const OF_NODES: ReadonlySet<Finding["kind"]> = new Set([
  "unaccounted",
  "clockOff",
  "lost",
  "logBehind",
]);

function FindingRow(finding: Finding) {
  const { kind, level, subject } = finding;
  return (
    <li class={`alert ${level}`}>
      <div class="alert-line">
        <span class="alert-name">{findingText(finding)}</span>
        <span class="culprit">
          {OF_NODES.has(kind) ? (
            <a href={nodePath(subject)} title={subject}>
              <bdi>{subject}</bdi>
            </a>
          ) : (
            <bdi title={subject}>{subject}</bdi>
          )}
        </span>
        <bdi class="summary" title={finding.text}>
          {kind === "nearLimit" ? "" : finding.text}
        </bdi>
      </div>
    </li>
  );
}

function findingText({ kind, value, text }: Finding): string {
  const w = words.value;
  const count = formatCount(locale.value, value);
  const seconds = formatDuration(locale.value, value * 1000);
  switch (kind) {
    case "unaccounted":
      return w.findUnaccounted(count);
    case "clockOff":
      return w.findClockOff(clockText(value));
    case "lost":
      return w.findLost(count);
    case "logBehind":
      return w.findLogBehind(seconds);
    case "targetDown":
      return w.findTargetDown;
    case "receiverWaits":
      return w.findReceiverWaits(seconds);
    case "receiverRefuses":
      return w.findReceiverRefuses;
    case "nearLimit":
      return w.findNearLimit(w.limitNames[text as Limit["name"]], formatShare(locale.value, value));
    case "mixedVersions":
      return w.findMixedVersions;
  }
}
