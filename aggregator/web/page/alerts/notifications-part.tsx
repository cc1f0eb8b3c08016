import { useComputed, useSignal } from "@preact/signals";
import { getJson, sendJson, timeOf } from "../browser.ts";
import { formatCount, formatDuration, formatMoment, formatTime } from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { hasAll, wordsOf } from "../overview/node-rows.ts";
import { clockMs } from "../overview-store.ts";
import { parameters } from "../route.ts";
import { mayChange, ownName } from "../session.ts";
import { locale, words } from "../settings.ts";
import { HeadCells } from "../table/head-cells.tsx";
import type { Delivery } from "./delivery.ts";

type TestAnswer = {
  readonly integration: string;
  readonly outcome: "delivered" | "rejected" | "failed";
  readonly answer: string;
  readonly tookSeconds: number;
};

const EVERY_MS = 5000;
const LIMIT = 200;

/** Who was told of what, and what the receiver answered. */
export function NotificationsPart() {
  const turn = useComputed(() => Math.floor(clockMs.value / EVERY_MS)).value;
  const loaded = useLoaded(
    async (signal) => {
      const [receivers, deliveries] = await Promise.all([
        getJson<{ name: string }[]>("/api/v2/receivers", signal),
        getJson<Delivery[]>(`/api/telltale/v1/notifications?limit=${LIMIT}`, signal),
      ]);
      return { receivers: receivers.map(({ name }) => name), deliveries };
    },
    [turn],
  ).value;
  const w = words.value;
  if (loaded.value === null) return <p class="placeholder">{loaded.problem || w.loading}</p>;
  const { receivers, deliveries } = loaded.value;
  return (
    <>
      <section class="part" aria-labelledby="receivers-title">
        <h2 id="receivers-title">
          {w.receivers} <span class="quiet">{formatCount(locale.value, receivers.length)}</span>
        </h2>
        {receivers.length === 0 ? <p class="quiet">{w.noReceivers}</p> : null}
        <ul class="alerts">
          {receivers.map((name) => (
            <ReceiverRow key={name} name={name} />
          ))}
        </ul>
      </section>
      <DeliveryTable deliveries={deliveries} />
    </>
  );
}

/** A receiver, and what it answers to a test. */
function ReceiverRow({ name }: { name: string }) {
  const w = words.value;
  const isBusy = useSignal(false);
  const answers = useSignal<readonly TestAnswer[] | null>(null);
  const problem = useSignal("");
  const test = async () => {
    isBusy.value = true;
    problem.value = "";
    try {
      const body = { receiver: name, createdBy: ownName.value };
      answers.value = await sendJson("POST", "/api/telltale/v1/receivers/test", body);
    } catch (error) {
      problem.value = error instanceof Error ? error.message : String(error);
    }
    isBusy.value = false;
  };
  return (
    <li class="alert receiver">
      <div class="alert-line">
        <bdi class="matchers" title={name}>
          {name}
        </bdi>
        <span class="answers" role="status">
          {problem.value === "" ? null : <span class="problem">{w.failed(problem.value)}</span>}
          {answers.value?.length === 0 ? <span class="quiet">{w.noIntegration}</span> : null}
          {answers.value?.map(({ integration, outcome, answer, tookSeconds }) => (
            <span class={`outcome outcome-${outcome}`} key={integration}>
              <bdi>{integration}</bdi> {w.outcomes[outcome]}{" "}
              <span class="quiet">{`${Math.round(tookSeconds * 1000)} ms`}</span>{" "}
              <bdi title={answer}>{answer}</bdi>
            </span>
          ))}
        </span>
        <span class="actions">
          {mayChange.value ? (
            <button
              type="button"
              disabled={isBusy.value}
              aria-label={`${w.testReceiver}: ${name}`}
              onClick={() => void test()}
            >
              {w.testReceiver}
            </button>
          ) : null}
        </span>
      </div>
    </li>
  );
}

function DeliveryTable({ deliveries }: { deliveries: readonly Delivery[] }) {
  const w = words.value;
  const texts = wordsOf(parameters.value.get("q") ?? "");
  const shown = deliveries.filter(({ receiver, integration, groupKey, answer, outcome }) =>
    hasAll([receiver, integration, groupKey, answer, outcome].join(" ").toLowerCase(), texts),
  );
  const heads = [
    w.time,
    w.receiver,
    w.outcome,
    w.firingCount,
    w.resolvedCount,
    w.attempts,
    w.waited,
  ];
  const numbers = heads.slice(3);
  return (
    <section class="part" aria-labelledby="deliveries-title">
      <h2 id="deliveries-title">
        {w.notifications} <span class="quiet">{formatCount(locale.value, shown.length)}</span>
      </h2>
      {shown.length === 0 ? (
        <p class="quiet">{w.nobodyNotified}</p>
      ) : (
        <div class="scrolled" role="group" tabIndex={0} aria-labelledby="deliveries-title">
          <table class="plain deliveries">
            <thead>
              <tr>
                <HeadCells heads={heads} numbers={numbers} />
                <th scope="col">{w.alertGroup}</th>
                <th scope="col">{w.answer}</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((one, i) => (
                <DeliveryRow key={`${one.time} ${one.receiver} ${one.groupKey} ${i}`} {...one} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function DeliveryRow(delivery: Delivery) {
  const { time, receiver, integration, outcome, answer, groupKey } = delivery;
  const timeMs = timeOf(time);
  const count = (value: number) => formatCount(locale.value, value);
  return (
    <tr>
      <td>
        <time title={formatMoment(locale.value, timeMs)}>
          {formatTime(locale.value, timeMs, clockMs.value)}
        </time>
      </td>
      <th scope="row">
        <bdi title={receiver}>{receiver}</bdi> <span class="quiet">{integration}</span>
      </th>
      <td>
        <span class={`outcome outcome-${outcome}`}>{words.value.outcomes[outcome]}</span>
      </td>
      <td class="number">{count(delivery.firing)}</td>
      <td class="number">{count(delivery.resolved)}</td>
      <td class="number">{count(delivery.attempts)}</td>
      <td class="number">{formatDuration(locale.value, delivery.waitedSeconds * 1000)}</td>
      <td>
        <bdi title={groupKey}>{groupKey}</bdi>
      </td>
      <td>
        <bdi title={answer}>{answer}</bdi>
      </td>
    </tr>
  );
}
