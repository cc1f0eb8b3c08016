import { computed, signal } from "@preact/signals";
import { changed } from "../overview-changes.ts";
import type { Overview, OverviewChange } from "../overview-shape.ts";
import { every, getJson, nowMs, RequestError, readStream, sleep } from "./browser.ts";

/** What is known now; null until it has been read for the first time. */
export const overview = signal<Overview | null>(null);
export const isPaused = signal(false);
/** `denied`: a token is needed. */
export const link = signal<"connecting" | "live" | "lost" | "denied">("connecting");
/** Moves on every second, for what says how long ago something was. */
export const clockMs = signal(nowMs());

export const firingCount = computed(() => {
  const alerts = overview.value?.alerts;
  if (alerts === undefined) return 0;
  return alerts.fingerprint.filter((_, i) => {
    return alerts.silencedBy[i]?.length === 0 && alerts.inhibitors[i] === 0;
  }).length;
});

const PATH = "/api/telltale/v1/overview";
const AGAIN_MS = 1000;
const AGAIN_MAX_MS = 10_000;
/** Changes come every few seconds, also when nothing has changed. */
const SILENCE_MAX_MS = 60_000;

let current: AbortController | null = null;

/** Reads the overview and follows its changes, again and again, until it is paused or called anew. */
export async function followOverview(): Promise<void> {
  current?.abort();
  const stop = new AbortController();
  current = stop;
  let pauseMs = AGAIN_MS;
  while (!stop.signal.aborted) {
    try {
      await followOnce(stop.signal);
      pauseMs = AGAIN_MS;
    } catch (error) {
      if (stop.signal.aborted) return;
      const isDenied = error instanceof RequestError && error.status === 401;
      link.value = isDenied ? "denied" : "lost";
      if (isDenied) return;
      await sleep(pauseMs, stop.signal);
      pauseMs = Math.min(AGAIN_MAX_MS, pauseMs * 1.5);
    }
  }
}

export function setPaused(paused: boolean): void {
  isPaused.value = paused;
  if (paused) current?.abort();
  else void followOverview();
}

/** Ends without an error where the server says that it has to be read anew. */
async function followOnce(stop: AbortSignal): Promise<void> {
  const connection = new AbortController();
  const end = () => connection.abort();
  stop.addEventListener("abort", end);
  let isAnew = false;
  let heardMs = nowMs();
  const stopWatch = every(SILENCE_MAX_MS / 4, () => {
    if (nowMs() - heardMs > SILENCE_MAX_MS) end();
  });
  try {
    const first = await getJson<Overview>(PATH, connection.signal);
    overview.value = first;
    link.value = "live";
    await readStream(
      `${PATH}/changes?after=${first.seq}`,
      ({ name, text }) => {
        heardMs = nowMs();
        if (name === "anew") {
          isAnew = true;
          end();
        } else take(JSON.parse(text) as OverviewChange);
      },
      connection.signal,
    );
  } finally {
    stopWatch();
    stop.removeEventListener("abort", end);
  }
  if (!isAnew && !stop.aborted) throw new RequestError(0, "the connection has ended");
}

function take(change: OverviewChange): void {
  const before = overview.value;
  if (before !== null) overview.value = changed(before, change);
}

export function startClock(): void {
  every(1000, () => {
    clockMs.value = nowMs();
  });
}
