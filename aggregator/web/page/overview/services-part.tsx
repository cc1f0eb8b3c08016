import type { ServiceColumns } from "../../overview-shape.ts";
import { formatCount, formatNumber, formatShare } from "../format.ts";
import { parameters } from "../route.ts";
import { secondsText } from "../services/seconds-text.ts";
import { locale, words } from "../settings.ts";
import { isNarrow } from "../shell/screen.ts";
import { addressOf, servicePath } from "../view.ts";
import { hasAll, wordsOf } from "./node-rows.ts";

const SHOWN = { wide: 9, narrow: 4 };
const ERRORS_HIGH = 0.01;
const ERRORS_BAD = 0.05;

/** The services that need a look first; all of them have a page of their own. */
export function ServicesPart({ services }: { services: ServiceColumns }) {
  const w = words.value;
  const filter = wordsOf(parameters.value.get("q") ?? "");
  const places = services.name.flatMap((name, place) =>
    hasAll(name.toLowerCase(), filter) ? [place] : [],
  );
  if (services.total === 0) return null;
  const shown = places.slice(0, SHOWN[isNarrow.value ? "narrow" : "wide"]);
  return (
    <section class="part services-part" aria-labelledby="services-title">
      <h2 id="services-title">
        <a href={addressOf("/services")}>{w.services}</a>{" "}
        <span class="quiet">{formatCount(locale.value, services.total)}</span>
      </h2>
      {shown.length === 0 ? (
        <p class="quiet">{w.noneMatches}</p>
      ) : (
        <table class="small-table">
          <thead>
            <tr>
              <th scope="col">{w.name}</th>
              <th scope="col" class="number">
                {w.serviceRate}
              </th>
              <th scope="col" class="number">
                {w.serviceErrors}
              </th>
              <th scope="col" class="number">
                {w.serviceLatency}
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((place) => (
              <ServiceRow key={services.name[place]} services={services} place={place} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function ServiceRow({ services, place }: { services: ServiceColumns; place: number }) {
  const name = services.name[place] ?? "";
  const [rate, errors] = [services.requestsPerSecond[place], services.errorRatio[place]];
  const alerts = services.alerts[place] ?? 0;
  return (
    <tr>
      <th scope="row">
        <a href={servicePath(name)} title={name}>
          <bdi>{name}</bdi>
        </a>
        {alerts === 0 ? null : (
          <span class="count critical" title={words.value.firing(String(alerts))}>
            {alerts}
          </span>
        )}
      </th>
      <td class="number">{rate == null ? "–" : `${formatNumber(locale.value, rate)}/s`}</td>
      <td class={`number level-${errorLevel(errors ?? null)}`}>
        {errors == null ? "–" : formatShare(locale.value, errors)}
      </td>
      <td class="number">{secondsText(locale.value, services.latencySeconds[place] ?? null)}</td>
    </tr>
  );
}

export function errorLevel(share: number | null): "none" | "good" | "high" | "full" {
  if (share === null) return "none";
  return share >= ERRORS_BAD ? "full" : share >= ERRORS_HIGH ? "high" : "good";
}
