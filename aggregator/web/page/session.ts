import { computed, signal } from "@preact/signals";
import { getJson, RequestError, sendJson } from "./browser.ts";
import { followOverview, overview } from "./overview-store.ts";

/** Who looks. `open`: nobody is asked. */
type Session =
  | { readonly access: "open" | "none" }
  | { readonly access: "person"; readonly name: string; readonly role: string };

export const session = signal<Session>({ access: "none" });

/** Whether buttons that change something are shown; the server asks again. */
export const mayChange = computed(() => {
  const now = session.value;
  return now.access === "open" || (now.access === "person" && now.role !== "viewer");
});

/** What silences and acknowledgements are signed with. */
export const ownName = computed(() => {
  return session.value.access === "person" ? session.value.name : "page";
});

export async function readSession(): Promise<void> {
  try {
    session.value = await getJson<Session>("/session", new AbortController().signal);
  } catch {
    // the overview says that the aggregator is not reached
  }
}

/** False: the token stands for nobody. @throws RequestError */
export async function signIn(token: string): Promise<boolean> {
  try {
    session.value = (await sendJson<Session>("POST", "/session", { token })) ?? session.value;
  } catch (error) {
    if (error instanceof RequestError && error.status === 401) return false;
    throw error;
  }
  void followOverview();
  return true;
}

export async function signOut(): Promise<void> {
  await sendJson("DELETE", "/session");
  session.value = { access: "none" };
  overview.value = null;
  void followOverview();
}
