import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { fromLocalInput, localInput, nextMorning, nowMs } from "../browser.ts";
import { ownName } from "../session.ts";
import { words } from "../settings.ts";
import { silenceAlert } from "./alert-actions.ts";
import type { ShownAlert } from "./shown-alert.ts";

const HOUR_MS = 3_600_000;
const PRESET_HOURS = [1, 4, 8, 24];
const MORNING = 8;
const MONDAY = 1;

/** Until when, and why. */
export function SilenceForm(props: { name: string; alert: ShownAlert; onDone: () => void }) {
  const { name, alert, onDone } = props;
  const until = useSignal(localInput(nowMs() + 4 * HOUR_MS));
  const comment = useSignal("");
  const problem = useSignal("");
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = async (event: Event) => {
    event.preventDefault();
    const untilMs = fromLocalInput(until.value);
    try {
      await silenceAlert(alert, { untilMs, comment: comment.value, createdBy: ownName.value });
      onDone();
    } catch (error) {
      problem.value = error instanceof Error ? error.message : String(error);
    }
  };
  const set = (timeMs: number) => () => {
    until.value = localInput(timeMs);
  };
  const { silenceTitle, hours, tomorrow, monday, silence, cancel, failed } = words.value;
  const choices: [string, () => void][] = [
    ...PRESET_HOURS.map((count): [string, () => void] => [
      hours(String(count)),
      set(nowMs() + count * HOUR_MS),
    ]),
    [tomorrow, set(nextMorning(nowMs(), MORNING, null))],
    [monday, set(nextMorning(nowMs(), MORNING, MONDAY))],
  ];
  return (
    <form class="silence-form" aria-label={silenceTitle(name)} onSubmit={submit}>
      <label>
        {words.value.until}
        <input
          ref={field}
          type="datetime-local"
          required
          value={until.value}
          onInput={({ currentTarget }) => {
            until.value = currentTarget.value;
          }}
        />
      </label>
      <span class="choices">
        {choices.map(([text, choose]) => (
          <button type="button" key={text} onClick={choose}>
            {text}
          </button>
        ))}
      </span>
      <label class="comment">
        {words.value.comment}
        <input
          value={comment.value}
          maxLength={500}
          onInput={({ currentTarget }) => {
            comment.value = currentTarget.value;
          }}
        />
      </label>
      <button type="submit" class="primary">
        {silence}
      </button>
      <button type="button" onClick={onDone}>
        {cancel}
      </button>
      {problem.value === "" ? null : (
        <span class="problem" role="alert">
          {failed(problem.value)}
        </span>
      )}
    </form>
  );
}
