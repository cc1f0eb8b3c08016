import { useSignal } from "@preact/signals";
import { nowMs } from "../browser.ts";
import { formatDuration, formatMoment, formatTime } from "../format.ts";
import { clockMs, overview } from "../overview-store.ts";
import { mayChange, ownName } from "../session.ts";
import { locale, words } from "../settings.ts";
import { LateView } from "../shell/late-view.tsx";
import { TextPairs } from "../table/text-pairs.tsx";
import { nodePath } from "../view.ts";
import { acknowledgeAlert, endSilences, silenceAlert } from "./alert-actions.ts";
import { culpritOf, isMuted, type ShownAlert, severityOf } from "./shown-alert.ts";
import { SilenceForm } from "./silence-form.tsx";

const HOUR_MS = 3_600_000;

/** One alert, with what can be done about it. */
export function AlertRow({ alert }: { alert: ShownAlert }) {
  const isOpen = useSignal(false);
  const isAsking = useSignal(false);
  const name = alert.labels["alertname"] || words.value.unnamed;
  return (
    <li class={`alert ${severityOf(alert)} ${isMuted(alert) ? "muted" : ""}`}>
      <div class="alert-line">
        <button
          type="button"
          class="alert-name"
          aria-expanded={isOpen.value}
          title={words.value.details}
          onClick={() => {
            isOpen.value = !isOpen.value;
          }}
        >
          <span class="severity">{alert.labels["severity"] ?? ""}</span>
          <bdi>{name}</bdi>
        </button>
        <Culprit alert={alert} />
        <span class="summary" title={alert.summary}>
          {alert.summary}
        </span>
        <AlertTimes alert={alert} />
        <Actions alert={alert} name={name} isAsking={isAsking} />
      </div>
      {isOpen.value ? <Details alert={alert} /> : null}
      {isAsking.value ? (
        <SilenceForm
          name={name}
          alert={alert}
          onDone={() => {
            isAsking.value = false;
          }}
        />
      ) : null}
    </li>
  );
}

function Culprit({ alert }: { alert: ShownAlert }) {
  const { node, parts } = culpritOf(alert);
  const isKnown = overview.value?.nodes.name.includes(node) ?? false;
  return (
    <span class="culprit">
      {isKnown ? (
        <a href={nodePath(node)} title={node}>
          <bdi>{node}</bdi>
        </a>
      ) : (
        <bdi title={node}>{node}</bdi>
      )}
      {parts.map((part) => (
        <bdi class="part" key={part} title={part}>
          {part}
        </bdi>
      ))}
    </span>
  );
}

function AlertTimes({ alert }: { alert: ShownAlert }) {
  const { silenced, silencedUntil, inhibited, acknowledgedBy } = words.value;
  const timeOf = (timeMs: number) => formatTime(locale.value, timeMs, clockMs.value);
  return (
    <span class="alert-times">
      <time title={formatMoment(locale.value, alert.startsAtMs)}>
        {formatDuration(locale.value, clockMs.value - alert.startsAtMs)}
      </time>
      {alert.silencedBy.length > 0 ? (
        <span class="tag">
          {alert.silencedUntilMs > 0 ? silencedUntil(timeOf(alert.silencedUntilMs)) : silenced}
        </span>
      ) : null}
      {alert.isInhibited ? <span class="tag">{inhibited}</span> : null}
      {alert.acknowledgedBy !== "" ? (
        <span class="tag">{acknowledgedBy(alert.acknowledgedBy)}</span>
      ) : null}
    </span>
  );
}

type ActionProps = { alert: ShownAlert; name: string; isAsking: { value: boolean } };

/** What is asked for is shown when the aggregator says that it is so. */
function Actions({ alert, name, isAsking }: ActionProps) {
  const problem = useSignal("");
  const isBusy = useSignal(false);
  const act = async (work: () => Promise<void>) => {
    isBusy.value = true;
    problem.value = "";
    try {
      await work();
    } catch (error) {
      problem.value = error instanceof Error ? error.message : String(error);
    }
    isBusy.value = false;
  };
  if (!mayChange.value) return <span class="actions" />;
  const createdBy = ownName.value;
  const hour = () => ({ untilMs: nowMs() + HOUR_MS, comment: words.peek().silenceHour, createdBy });
  const { acknowledge, silenceHour, silenceUntil, endSilence, failed } = words.value;
  return (
    <span class="actions">
      {problem.value === "" ? null : (
        <span class="problem" role="alert">
          {failed(problem.value)}
        </span>
      )}
      {alert.silencedBy.length > 0 ? (
        <Action
          label={endSilence}
          of={name}
          isBusy={isBusy.value}
          act={() => act(() => endSilences(alert.silencedBy))}
        />
      ) : (
        <>
          {alert.acknowledgedBy === "" ? (
            <Action
              label={acknowledge}
              of={name}
              isBusy={isBusy.value}
              act={() => act(() => acknowledgeAlert(alert, createdBy))}
            />
          ) : null}
          <Action
            label={silenceHour}
            of={name}
            isBusy={isBusy.value}
            act={() => act(() => silenceAlert(alert, hour()))}
          />
          <Action
            label={silenceUntil}
            of={name}
            isBusy={isBusy.value}
            act={() => {
              isAsking.value = !isAsking.value;
            }}
          />
        </>
      )}
    </span>
  );
}

function Action(props: { label: string; of: string; isBusy: boolean; act: () => unknown }) {
  return (
    <button
      type="button"
      disabled={props.isBusy}
      aria-label={`${props.label}: ${props.of}`}
      onClick={() => void props.act()}
    >
      {props.label}
    </button>
  );
}

function Details({ alert }: { alert: ShownAlert }) {
  return (
    <div class="alert-details">
      {alert.description === "" ? null : <p>{alert.description}</p>}
      <TextPairs pairs={Object.entries(alert.labels)} />
      <LateView load={loadChart} props={{ labels: alert.labels }} />
    </div>
  );
}

const loadChart = async () => (await import("./alert-chart.tsx")).AlertChart;
