import { formatClock } from "../format.ts";
import { firingCount, isPaused, link, overview, setPaused } from "../overview-store.ts";
import { parameters, setParameters, view } from "../route.ts";
import { session, signOut } from "../session.ts";
import {
  LANGUAGES,
  type Language,
  language,
  locale,
  THEMES,
  type Theme,
  theme,
  words,
} from "../settings.ts";
import { addressOf } from "../view.ts";
import { helpOpen } from "./keys.ts";

/** Views without a list of nodes, alerts or the like to filter. */
const NO_FILTER: ReadonlySet<string> = new Set([
  ...["node", "container", "service", "compare", "logs", "explore"],
]);

export function Header() {
  const { overview: overviewText, filter, filterHint, keys } = words.value;
  const kind = view.value.kind;
  return (
    <header class="top">
      <a class="skip" href="#content">
        {words.value.skip}
      </a>
      <a class="brand" href={addressOf("/")}>
        Telltale
      </a>
      <nav aria-label="Telltale">
        <a href={addressOf("/")} aria-current={kind === "overview" ? "page" : undefined}>
          {overviewText}
        </a>
        <a
          href={addressOf("/containers")}
          aria-current={kind === "containers" ? "page" : undefined}
        >
          {words.value.containers}
        </a>
        <a href={addressOf("/services")} aria-current={kind === "services" ? "page" : undefined}>
          {words.value.services}
        </a>
        <a href={addressOf("/alerts")} aria-current={kind === "alerts" ? "page" : undefined}>
          {words.value.alerts}
          {firingCount.value > 0 ? <span class="count critical">{firingCount.value}</span> : null}
        </a>
        <a href={addressOf("/logs")} aria-current={kind === "logs" ? "page" : undefined}>
          {words.value.logs}
        </a>
        <a href={addressOf("/explore")} aria-current={kind === "explore" ? "page" : undefined}>
          {words.value.explore}
        </a>
        <a href={addressOf("/system")} aria-current={kind === "system" ? "page" : undefined}>
          {words.value.systemTitle}
        </a>
      </nav>
      {NO_FILTER.has(kind) ? (
        <span class="filter" />
      ) : (
        <input
          id="filter"
          class="filter"
          type="search"
          placeholder={filter}
          aria-label={filterHint}
          title={filterHint}
          value={parameters.value.get("q") ?? ""}
          onInput={({ currentTarget }) => setParameters({ q: currentTarget.value })}
        />
      )}
      <LiveState />
      <Choices />
      <button
        type="button"
        class="icon"
        title={keys}
        aria-label={keys}
        onClick={() => {
          helpOpen.value = true;
        }}
      >
        ?
      </button>
      {session.value.access === "person" ? (
        <button type="button" title={session.value.name} onClick={() => void signOut()}>
          {words.value.signOut}
        </button>
      ) : null}
    </header>
  );
}

/** Whether what is shown is of now; a press holds it. */
function LiveState() {
  const { live, paused, connecting, lost, pause, resume, asOf } = words.value;
  const isHeld = isPaused.value;
  const state = isHeld ? "paused" : link.value;
  const text = { paused, live, connecting, lost, denied: connecting }[state];
  const timeMs = overview.value?.timeMs;
  return (
    <span class="live-part">
      <button
        type="button"
        class={`live ${state}`}
        aria-pressed={isHeld}
        title={isHeld ? resume : pause}
        onClick={() => setPaused(!isHeld)}
      >
        <span class="shape" aria-hidden="true" />
        {text}
      </button>
      <span class="unseen" role="status">
        {text}
      </span>
      {timeMs === undefined ? null : (
        <time class="quiet clock" title={asOf(formatClock(locale.value, timeMs))}>
          {formatClock(locale.value, timeMs)}
        </time>
      )}
    </span>
  );
}

function Choices() {
  const { chooseLanguage, theme: themeText } = words.value;
  return (
    <span class="choices">
      <select
        aria-label={themeText}
        title={themeText}
        value={theme.value}
        onChange={({ currentTarget }) => {
          theme.value = currentTarget.value as Theme;
        }}
      >
        {THEMES.map((one) => (
          <option key={one} value={one}>
            {words.value[one]}
          </option>
        ))}
      </select>
      <select
        aria-label={chooseLanguage}
        title={chooseLanguage}
        value={language.value}
        onChange={({ currentTarget }) => {
          language.value = currentTarget.value as Language;
        }}
      >
        {Object.entries(LANGUAGES).map(([name, { language: text }]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
    </span>
  );
}
