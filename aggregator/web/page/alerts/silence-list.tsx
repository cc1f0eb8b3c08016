import { useSignal } from "@preact/signals";
import { getJson, timeOf } from "../browser.ts";
import { formatTime } from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { clockMs } from "../overview-store.ts";
import { mayChange } from "../session.ts";
import { locale, words } from "../settings.ts";
import { endSilences } from "./alert-actions.ts";

type Silence = {
  readonly id: string;
  readonly status: { readonly state: "active" | "pending" | "expired" };
  readonly matchers: readonly Matcher[];
  readonly startsAt: string;
  readonly endsAt: string;
  readonly createdBy: string;
  readonly comment: string;
};
type Matcher = {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
  readonly isEqual: boolean;
};

/** Those in force, and those to come. `turn` is another one to read them anew. */
export function SilenceList({ turn }: { turn: unknown }) {
  const again = useSignal(0);
  const loaded = useLoaded(
    async (signal) => {
      const all = await getJson<readonly Silence[]>("/api/v2/silences", signal);
      return all.filter(({ status }) => status.state !== "expired");
    },
    [turn, again.value],
  ).value;
  const silences = loaded.value ?? [];
  const { silences: title, noSilences } = words.value;
  return (
    <section class="part" aria-labelledby="silences-title">
      <h2 id="silences-title">
        {title} <span class="quiet">{silences.length}</span>
      </h2>
      {silences.length === 0 ? (
        <p class="quiet">{loaded.problem || noSilences}</p>
      ) : (
        <ul class="alerts">
          {silences.map((silence) => (
            <SilenceRow
              key={silence.id}
              silence={silence}
              onEnded={() => {
                again.value += 1;
              }}
            />
          ))}
        </ul>
      )}
    </section>
  );
}

function SilenceRow({ silence, onEnded }: { silence: Silence; onEnded: () => void }) {
  const problem = useSignal("");
  const { endSilence, startsAt, silencedUntil, by, failed } = words.value;
  const time = (text: string) => formatTime(locale.value, timeOf(text), clockMs.value);
  const end = async () => {
    try {
      await endSilences([silence.id]);
      onEnded();
    } catch (error) {
      problem.value = error instanceof Error ? error.message : String(error);
    }
  };
  const text = silence.matchers.map(matcherText).join(", ");
  return (
    <li class="alert silence">
      <div class="alert-line">
        <bdi class="matchers" title={text}>
          {text}
        </bdi>
        <span class="summary">{silence.comment}</span>
        <span class="alert-times">
          {silence.status.state === "pending" ? startsAt(time(silence.startsAt)) : null}
          <span class="tag">{silencedUntil(time(silence.endsAt))}</span>
          <span class="tag">{by(silence.createdBy)}</span>
        </span>
        <span class="actions">
          {problem.value === "" ? null : (
            <span class="problem" role="alert">
              {failed(problem.value)}
            </span>
          )}
          {mayChange.value ? (
            <button type="button" aria-label={`${endSilence}: ${text}`} onClick={() => void end()}>
              {endSilence}
            </button>
          ) : null}
        </span>
      </div>
    </li>
  );
}

function matcherText({ name, value, isRegex, isEqual }: Matcher): string {
  const operator = isEqual ? (isRegex ? "=~" : "=") : isRegex ? "!~" : "!=";
  return `${name}${operator}${JSON.stringify(value)}`;
}
