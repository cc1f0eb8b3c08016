import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { nowMs } from "../browser.ts";
import { useLoaded } from "../loaded.ts";
import type { TimeRange } from "../node/time-range.ts";
import { words } from "../settings.ts";
import { loadLabelNames, loadLabelValues } from "./log-requests.ts";
import {
  chosenValues,
  parseSelector,
  type StreamMatcher,
  selectorText,
  toggledValue,
} from "./selector.ts";

/** Values that are listed; who has more types some letters. */
const VALUES_SHOWN = 200;

type BarProps = { selector: string; range: TimeRange; onChange: (selector: string) => void };

/** The streams whose lines are shown, put together by clicking labels and values. */
export function SelectorBar({ selector, range, onChange }: BarProps) {
  const isOpen = useSignal(false);
  const matchers = parseSelector(selector);
  const { streams, allStreams, chooseStreams, removeFilter } = words.value;
  const change = (next: readonly StreamMatcher[]) => onChange(selectorText(next));
  return (
    <div class="selector-bar">
      <span class="quiet">{streams}</span>
      {matchers === null ? <SelectorText selector={selector} onChange={onChange} /> : null}
      {matchers?.length === 0 ? <span>{allStreams}</span> : null}
      {matchers?.map((matcher) => (
        <span class="chip" key={`${matcher.name}${matcher.op}${matcher.value}`}>
          <bdi>{matcher.name}</bdi>
          <span class="quiet">{matcher.op}</span>
          <bdi title={matcher.value}>{matcher.value}</bdi>
          <button
            type="button"
            title={removeFilter}
            aria-label={`${removeFilter}: ${matcher.name}${matcher.op}${matcher.value}`}
            onClick={() => change(matchers.filter((one) => one !== matcher))}
          >
            ×
          </button>
        </span>
      ))}
      {matchers === null ? null : (
        <button
          type="button"
          aria-expanded={isOpen.value}
          onClick={() => {
            isOpen.value = !isOpen.value;
          }}
        >
          {chooseStreams}
        </button>
      )}
      {isOpen.value && matchers !== null ? (
        <LabelChooser
          {...{ matchers, range }}
          onChange={change}
          onClose={() => {
            isOpen.value = false;
          }}
        />
      ) : null}
    </div>
  );
}

/** A selector that is more than clicking makes, as it was written. */
function SelectorText({ selector, onChange }: Omit<BarProps, "range">) {
  return (
    <input
      class="selector-text"
      aria-label={words.value.streams}
      value={selector}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    />
  );
}

type ChooserProps = {
  matchers: readonly StreamMatcher[];
  range: TimeRange;
  onChange: (matchers: readonly StreamMatcher[]) => void;
  onClose: () => void;
};

/** Labels on the left, the values of one on the right. */
function LabelChooser({ matchers, range, onChange, onClose }: ChooserProps) {
  const panel = useRef<HTMLDivElement>(null);
  const chosen = useSignal("");
  const names = useLoaded((signal) => loadLabelNames(upToNow(range), signal), []).value;
  const name = chosen.value || firstOf(names.value ?? []);
  const { labels, close, noLabels, loading } = words.value;
  useEffect(() => panel.current?.querySelector<HTMLElement>("button")?.focus(), [names.value]);
  return (
    <div
      ref={panel}
      class="label-chooser part"
      role="group"
      aria-label={words.value.chooseStreams}
      onKeyDown={({ key }) => {
        if (key === "Escape") onClose();
      }}
    >
      <ul aria-label={labels}>
        {names.value?.map((one) => (
          <li key={one}>
            <button
              type="button"
              aria-pressed={one === name}
              onClick={() => {
                chosen.value = one;
              }}
            >
              <bdi>{one}</bdi>
              {matchers.some((matcher) => matcher.name === one) ? <span>●</span> : null}
            </button>
          </li>
        ))}
        {names.value?.length === 0 ? <li class="quiet">{noLabels}</li> : null}
        {names.value === null ? <li class="quiet">{names.problem || loading}</li> : null}
      </ul>
      {name === "" ? null : <ValueChooser key={name} {...{ name, matchers, range, onChange }} />}
      <button type="button" class="chooser-close" onClick={onClose}>
        {close}
      </button>
    </div>
  );
}

/** What ends now goes on: a stream may have begun since. */
function upToNow(range: TimeRange): TimeRange {
  return range.isLive ? { ...range, toMs: nowMs() } : range;
}

/** What people look for first, where there is one of them. */
function firstOf(names: readonly string[]): string {
  const wanted = ["service", "container", "service_name", "instance"];
  return wanted.find((one) => names.includes(one)) ?? names[0] ?? "";
}

type ValueProps = Omit<ChooserProps, "onClose"> & { name: string };

function ValueChooser({ name, matchers, range, onChange }: ValueProps) {
  const typed = useSignal("");
  const others = selectorText(matchers.filter((one) => one.name !== name));
  const values = useLoaded(
    (signal) => loadLabelValues(name, others, upToNow(range), signal),
    [name, others],
  ).value;
  const { valuesOf, loading, moreValues } = words.value;
  const letters = typed.value.toLowerCase();
  const found = values.value?.filter((value) => value.toLowerCase().includes(letters)) ?? [];
  const chosen = chosenValues(matchers, name);
  return (
    <div class="value-chooser">
      <input
        type="search"
        placeholder={valuesOf(name)}
        aria-label={valuesOf(name)}
        value={typed.value}
        onInput={({ currentTarget }) => {
          typed.value = currentTarget.value;
        }}
      />
      <ul aria-label={valuesOf(name)}>
        {found.slice(0, VALUES_SHOWN).map((value) => (
          <li key={value}>
            <button
              type="button"
              aria-pressed={chosen.includes(value)}
              onClick={() => onChange(toggledValue(matchers, name, value))}
            >
              <bdi title={value}>{value.slice(0, 300)}</bdi>
            </button>
          </li>
        ))}
        {values.value === null ? <li class="quiet">{values.problem || loading}</li> : null}
        {found.length > VALUES_SHOWN ? (
          <li class="quiet">{moreValues(String(found.length - VALUES_SHOWN))}</li>
        ) : null}
      </ul>
    </div>
  );
}
