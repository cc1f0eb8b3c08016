import { type Change, NODE_STATES, type Overview } from "../../overview-shape.ts";
import { AlertList, countUnmuted, matchingAlerts } from "../alerts/alert-list.tsx";
import { ChangeList } from "../changes/change-list.tsx";
import { formatCount } from "../format.ts";
import { overview } from "../overview-store.ts";
import { parameters, setParameters } from "../route.ts";
import { locale, words } from "../settings.ts";
import { isNarrow } from "../shell/screen.ts";
import { addressOf } from "../view.ts";
import { NodeList } from "./node-list.tsx";
import { hasAll, wordsOf } from "./node-rows.ts";
import { ServicesPart } from "./services-part.tsx";

/** Of the alerts on a phone, so that the nodes are not far away. */
const NARROW_ALERTS = 4;
const CHANGES = 14;
const NARROW_CHANGES = 5;

/** What is wrong, where, and since when. */
export function OverviewView() {
  const now = overview.value;
  if (now === null) return <p class="placeholder">{words.value.loading}</p>;
  return (
    <>
      <h1 class="unseen">{words.value.overview}</h1>
      <AlertsPart overview={now} />
      <div class="overview-rest">
        <NodesPart overview={now} />
        <div class="overview-side">
          <ServicesPart services={now.services} />
          <ChangesPart changes={now.changes} />
        </div>
      </div>
    </>
  );
}

function ChangesPart({ changes }: { changes: readonly Change[] }) {
  const { changes: title, changesNone } = words.value;
  const filter = wordsOf(parameters.value.get("q") ?? "");
  const matching = changes.filter(({ name, node, image }) =>
    hasAll(`${name} ${node} ${image}`.toLowerCase(), filter),
  );
  return (
    <section class="part changes-part" aria-labelledby="changes-title">
      <h2 id="changes-title">{title}</h2>
      {matching.length === 0 ? <p class="quiet">{changesNone}</p> : null}
      <ChangeList
        changes={matching.slice(0, isNarrow.value ? NARROW_CHANGES : CHANGES)}
        title={title}
      />
    </section>
  );
}

function AlertsPart({ overview: { alerts } }: { overview: Overview }) {
  const filter = parameters.value.get("q") ?? "";
  const matching = matchingAlerts(alerts, filter);
  const { nothingFires, firing, noneMatches, allAlerts } = words.value;
  const shown = isNarrow.value ? matching.slice(0, NARROW_ALERTS) : matching;
  const unmuted = countUnmuted(matching);
  const muted = matching.length - unmuted;
  const count = (value: number) => formatCount(locale.value, value);
  return (
    <section class="part alerts-part" aria-labelledby="alerts-title">
      <h2 id="alerts-title">
        {words.value.alerts}
        <span class={unmuted > 0 ? "count critical" : "quiet"}>
          {alerts.total === 0 ? nothingFires : firing(count(unmuted))}
        </span>
        {muted > 0 ? <span class="quiet">{words.value.muted(count(muted))}</span> : null}
      </h2>
      {matching.length === 0 && alerts.total > 0 ? <p class="quiet">{noneMatches}</p> : null}
      {shown.length === 0 ? null : <AlertList alerts={shown} label={words.value.alerts} />}
      {shown.length < matching.length ? (
        <p class="more">
          <a href={addressOf("/alerts")}>{allAlerts(count(alerts.total))}</a>
        </p>
      ) : null}
    </section>
  );
}

function NodesPart({ overview: now }: { overview: Overview }) {
  const { nodes, noNodes, noNodesHint } = words.value;
  if (now.nodes.name.length === 0) {
    return (
      <section class="part" aria-labelledby="nodes-title">
        <h2 id="nodes-title">{nodes}</h2>
        <p>{noNodes}</p>
        <p class="quiet">{noNodesHint}</p>
      </section>
    );
  }
  return (
    <section class="part nodes-part" aria-labelledby="nodes-title">
      <div class="title-line">
        <h2 id="nodes-title">
          {nodes} <span class="quiet">{formatCount(locale.value, now.nodes.name.length)}</span>
        </h2>
        <StateFilter overview={now} />
      </div>
      <NodeList overview={now} />
    </section>
  );
}

/** How many nodes are in each state; one press shows only those. */
function StateFilter({ overview: { nodes } }: { overview: Overview }) {
  const chosen = parameters.value.get("state") ?? "";
  const present = NODE_STATES.map((state) => ({
    state,
    count: nodes.state.filter((one) => one === state).length,
  })).filter(({ state, count }) => count > 0 || state === chosen);
  return (
    <span class="states">
      {present.map(({ state, count }) => (
        <button
          type="button"
          key={state}
          class={`node-state state-${state}`}
          aria-pressed={chosen === state}
          onClick={() => setParameters({ state: chosen === state ? "" : state })}
        >
          <span class="shape" aria-hidden="true" />
          {formatCount(locale.value, count)} {words.value[state]}
        </button>
      ))}
    </span>
  );
}
