import { useSignal } from "@preact/signals";
import { signIn } from "../session.ts";
import { words } from "../settings.ts";

const COMMAND = "telltale-aggregator user add NAME --role viewer";

/** A token, and nothing else, says who somebody is. */
export function SignIn() {
  const token = useSignal("");
  const problem = useSignal("");
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      problem.value = (await signIn(token.value.trim())) ? "" : words.peek().wrongToken;
    } catch (error) {
      problem.value = words.peek().failed(error instanceof Error ? error.message : String(error));
    }
  };
  const { signInText, signInHint } = words.value;
  return (
    <form class="part sign-in" aria-labelledby="sign-in-title" onSubmit={submit}>
      <h1 id="sign-in-title">{words.value.signIn}</h1>
      <p>{signInText}</p>
      <label>
        {words.value.token}
        <input
          type="password"
          autocomplete="current-password"
          required
          value={token.value}
          onInput={({ currentTarget }) => {
            token.value = currentTarget.value;
          }}
        />
      </label>
      <button type="submit" class="primary">
        {words.value.signIn}
      </button>
      {problem.value === "" ? null : (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      <p class="quiet">
        {signInHint} <code>{COMMAND}</code>
      </p>
    </form>
  );
}
