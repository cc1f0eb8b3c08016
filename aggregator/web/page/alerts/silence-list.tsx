import { useSignal } from "@preact/signals";
import { getJson, timeOf } from "../browser.ts";
import { formatTime } from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { clockMs } from "../overview-store.ts";
import { mayChange } from "../session.ts";
import { locale, words } from "../settings.ts";
import { endSilences } from "./alert-actions.ts";
import { matcherText, type Silence } from "./silence.ts";
import { SilenceEditor } from "./silence-editor.tsx";

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
  const isNew = useSignal(false);
  const silences = loaded.value ?? [];
  const { silences: title, noSilences, newSilence } = words.value;
  const readAgain = () => {
    again.value += 1;
  };
  return (
    <section class="part" aria-labelledby="silences-title">
      <div class="title-line">
        <h2 id="silences-title">
          {title} <span class="quiet">{silences.length}</span>
        </h2>
        {mayChange.value && !isNew.value ? (
          <button
            type="button"
            onClick={() => {
              isNew.value = true;
            }}
          >
            {newSilence}
          </button>
        ) : null}
      </div>
      {isNew.value ? (
        <SilenceEditor
          silence={null}
          onDone={() => {
            isNew.value = false;
            readAgain();
          }}
        />
      ) : null}
      {silences.length === 0 ? (
        <p class="quiet">{loaded.problem || noSilences}</p>
      ) : (
        <ul class="alerts">
          {silences.map((silence) => (
            <SilenceRow key={silence.id} silence={silence} onChanged={readAgain} />
          ))}
        </ul>
      )}
    </section>
  );
}

function SilenceRow({ silence, onChanged }: { silence: Silence; onChanged: () => void }) {
  const isEdited = useSignal(false);
  const { startsAt, silencedUntil, by } = words.value;
  const time = (text: string) => formatTime(locale.value, timeOf(text), clockMs.value);
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
        {mayChange.value ? (
          <SilenceActions {...{ silence, text, onChanged, isEdited }} />
        ) : (
          <span class="actions" />
        )}
      </div>
      {isEdited.value ? (
        <SilenceEditor
          silence={silence}
          onDone={() => {
            isEdited.value = false;
            onChanged();
          }}
        />
      ) : null}
    </li>
  );
}

type ActionsProps = {
  silence: Silence;
  text: string;
  onChanged: () => void;
  isEdited: { value: boolean };
};

function SilenceActions({ silence, text, onChanged, isEdited }: ActionsProps) {
  const problem = useSignal("");
  const { endSilence, editSilence, failed } = words.value;
  const end = async () => {
    try {
      await endSilences([silence.id]);
      onChanged();
    } catch (error) {
      problem.value = error instanceof Error ? error.message : String(error);
    }
  };
  return (
    <span class="actions">
      {problem.value === "" ? null : (
        <span class="problem" role="alert">
          {failed(problem.value)}
        </span>
      )}
      <button
        type="button"
        aria-expanded={isEdited.value}
        aria-label={`${editSilence}: ${text}`}
        onClick={() => {
          isEdited.value = !isEdited.value;
        }}
      >
        {editSilence}
      </button>
      <button type="button" aria-label={`${endSilence}: ${text}`} onClick={() => void end()}>
        {endSilence}
      </button>
    </span>
  );
}
