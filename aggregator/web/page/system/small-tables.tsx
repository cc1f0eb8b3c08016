import type { Delivery } from "../alerts/delivery.ts";
import { timeOf } from "../browser.ts";
import { formatBytes, formatCount, formatDuration, formatShare, formatTime } from "../format.ts";
import { clockMs } from "../overview-store.ts";
import { locale, words } from "../settings.ts";
import { addressOf } from "../view.ts";
import { type Limit, lastDelivery, limitsOf, NEAR_FROM } from "./findings.ts";
import { figureOf, type SystemState } from "./load-system.ts";

const FULL_FROM = 0.95;

/** What each store takes of the disk. */
export function StoreTable({ state }: { state: SystemState }) {
  const w = words.value;
  const names: Readonly<Record<string, string>> = w.storeNames;
  const rows = state.figures.storeBytes
    .map(({ metric, value }) => ({ name: metric["store"] ?? "", bytes: Number(value[1]) }))
    .sort((a, b) => b.bytes - a.bytes);
  const free = figureOf(state, "diskFree");
  return (
    <section class="part" aria-labelledby="stores-title">
      <h2 id="stores-title">{w.stores}</h2>
      {rows.length === 0 ? (
        <p class="quiet">{w.notYetMeasured}</p>
      ) : (
        <table class="plain">
          <thead class="unseen">
            <tr>
              <th scope="col">{w.name}</th>
              <th scope="col">{w.stored}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, bytes }) => (
              <tr key={name}>
                <th scope="row">{names[name] ?? name}</th>
                <td class="number">{formatBytes(locale.value, bytes)}</td>
              </tr>
            ))}
            {free === null ? null : (
              <tr>
                <th scope="row">{w.freeSpace}</th>
                <td class="number">{formatBytes(locale.value, free)}</td>
              </tr>
            )}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** How near each is to its end; the nearest first. */
export function LimitTable({ state }: { state: SystemState }) {
  const w = words.value;
  return (
    <section class="part" aria-labelledby="limits-title">
      <h2 id="limits-title">{w.limits}</h2>
      <table class="plain near">
        <thead class="unseen">
          <tr>
            <th scope="col">{w.name}</th>
            <th scope="col">{w.ofLimit}</th>
          </tr>
        </thead>
        <tbody>
          {limitsOf(state).map((limit) => (
            <LimitRow key={limit.name} {...limit} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function LimitRow({ name, unit, subject, now, most }: Limit) {
  const share = now / most;
  const level = share >= FULL_FROM ? "full" : share >= NEAR_FROM ? "high" : "good";
  const text = { count: formatCount, bytes: formatBytes, share: formatShare }[unit];
  return (
    <tr>
      <th scope="row">
        {words.value.limitNames[name]}
        {subject === "" ? null : (
          <>
            {" "}
            <bdi class="quiet" title={subject}>
              {subject}
            </bdi>
          </>
        )}
      </th>
      <td>
        <span
          class={`bar level-${level}`}
          title={`${text(locale.value, now)} / ${text(locale.value, most)}`}
        >
          <span class="bar-room" aria-hidden="true">
            <span class="bar-fill" style={{ width: `${Math.min(100, share * 100)}%` }} />
          </span>
          <span class="number">{formatShare(locale.value, share)}</span>
        </span>
      </td>
    </tr>
  );
}

/** What each receiver answered last. */
export function ReceiverTable({ state }: { state: SystemState }) {
  const w = words.value;
  return (
    <section class="part" aria-labelledby="receivers-title">
      <h2 id="receivers-title">
        <a href={`${addressOf("/alerts")}?show=notifications`}>{w.receivers}</a>
      </h2>
      {state.receivers.length === 0 ? (
        <p class="quiet">{w.noReceivers}</p>
      ) : (
        <table class="plain">
          <thead class="unseen">
            <tr>
              <th scope="col">{w.receiver}</th>
              <th scope="col">{w.lastAnswer}</th>
            </tr>
          </thead>
          <tbody>
            {state.receivers.map((name) => (
              <tr key={name}>
                <th scope="row">
                  <bdi title={name}>{name}</bdi>
                </th>
                <td>
                  <LastDelivery delivery={lastDelivery(state.deliveries, name)} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function LastDelivery({ delivery }: { delivery: Delivery | undefined }) {
  const w = words.value;
  if (delivery === undefined) return <span class="quiet">{w.neverNotified}</span>;
  const { outcome, time, answer, waitedSeconds } = delivery;
  const text =
    outcome === "waiting"
      ? formatDuration(locale.value, waitedSeconds * 1000)
      : formatTime(locale.value, timeOf(time), clockMs.value);
  return (
    <span class={`outcome outcome-${outcome}`} title={answer}>
      {w.outcomes[outcome]} <span class="quiet">{text}</span>
    </span>
  );
}
