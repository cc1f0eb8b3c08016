import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { fromLocalInput, localInput, nowMs, timeOf } from "../browser.ts";
import { ownName } from "../session.ts";
import { words } from "../settings.ts";
import { setSilence } from "./alert-actions.ts";
import {
  type Matcher,
  OPERATORS,
  type Operator,
  operatorOf,
  type Silence,
  withOperator,
} from "./silence.ts";

const HOUR_MS = 3_600_000;
const NONE: Matcher = { name: "", value: "", isRegex: false, isEqual: true };

type EditorProps = {
  /** Null: a new one. */
  silence: Silence | null;
  onDone: () => void;
};

/** All of a silence: which alerts, from when until when, and why. */
export function SilenceEditor({ silence, onDone }: EditorProps) {
  const w = words.value;
  const matchers = useSignal<readonly Matcher[]>(silence?.matchers ?? [NONE]);
  const from = useSignal(localInput(silence === null ? nowMs() : timeOf(silence.startsAt)));
  const until = useSignal(
    localInput(silence === null ? nowMs() + 2 * HOUR_MS : timeOf(silence.endsAt)),
  );
  const comment = useSignal(silence?.comment ?? "");
  const problem = useSignal("");
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await setSilence({
        ...(silence === null ? {} : { id: silence.id }),
        matchers: matchers.value,
        startsAtMs: startOf(silence, from.value),
        endsAtMs: fromLocalInput(until.value),
        createdBy: ownName.value,
        comment: comment.value,
      });
      onDone();
    } catch (error) {
      problem.value = error instanceof Error ? error.message : String(error);
    }
  };
  const change = (place: number, matcher: Matcher) => {
    matchers.value = matchers.value.map((one, i) => (i === place ? matcher : one));
  };
  return (
    <form
      class="silence-form silence-editor"
      aria-label={silence === null ? w.newSilence : w.editSilence}
      onSubmit={submit}
    >
      <fieldset>
        <legend>{w.matchers}</legend>
        {matchers.value.map((matcher, place) => (
          <MatcherFields
            key={place}
            matcher={matcher}
            field={place === 0 ? first : null}
            onChange={(changed) => change(place, changed)}
            onRemove={
              matchers.value.length === 1
                ? null
                : () => {
                    matchers.value = matchers.value.filter((_, i) => i !== place);
                  }
            }
          />
        ))}
        <button
          type="button"
          onClick={() => {
            matchers.value = [...matchers.value, NONE];
          }}
        >
          {w.addMatcher}
        </button>
      </fieldset>
      <TimeField label={w.from} text={from} />
      <TimeField label={w.until} text={until} />
      <label class="comment">
        {w.comment}
        <input
          value={comment.value}
          maxLength={500}
          onInput={({ currentTarget }) => {
            comment.value = currentTarget.value;
          }}
        />
      </label>
      <button type="submit" class="primary">
        {silence === null ? w.silence : w.save}
      </button>
      <button type="button" onClick={onDone}>
        {w.cancel}
      </button>
      {problem.value === "" ? null : (
        <span class="problem" role="alert">
          {w.failed(problem.value)}
        </span>
      )}
    </form>
  );
}

/** The field knows minutes only: a start that nobody has changed stays what it was. */
function startOf(silence: Silence | null, text: string): number {
  if (silence === null) return Math.max(nowMs(), fromLocalInput(text));
  const beforeMs = timeOf(silence.startsAt);
  return localInput(beforeMs) === text ? beforeMs : fromLocalInput(text);
}

function TimeField({ label, text }: { label: string; text: { value: string } }) {
  return (
    <label>
      {label}
      <input
        type="datetime-local"
        required
        value={text.value}
        onInput={({ currentTarget }) => {
          text.value = currentTarget.value;
        }}
      />
    </label>
  );
}

type MatcherProps = {
  matcher: Matcher;
  field: { current: HTMLInputElement | null } | null;
  onChange: (matcher: Matcher) => void;
  onRemove: (() => void) | null;
};

function MatcherFields({ matcher, field, onChange, onRemove }: MatcherProps) {
  const { label, operator, value, remove } = words.value;
  return (
    <span class="matcher">
      <input
        ref={field}
        required
        aria-label={label}
        placeholder={label}
        value={matcher.name}
        onInput={({ currentTarget }) => onChange({ ...matcher, name: currentTarget.value })}
      />
      <select
        aria-label={operator}
        value={operatorOf(matcher)}
        onChange={({ currentTarget }) => {
          onChange(withOperator(matcher, currentTarget.value as Operator));
        }}
      >
        {OPERATORS.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
      <input
        aria-label={value}
        placeholder={value}
        value={matcher.value}
        onInput={({ currentTarget }) => onChange({ ...matcher, value: currentTarget.value })}
      />
      {onRemove === null ? null : (
        <button type="button" aria-label={`${remove} ${matcher.name}`} onClick={onRemove}>
          ×
        </button>
      )}
    </span>
  );
}
