import { setTimeout as delay } from "node:timers/promises";
import type { Side } from "../support/alertmanager.ts";
import type { PlannedAlert } from "./alert-plan.ts";
import type { Plan } from "./plan.ts";
import type { SilenceStep } from "./silence-plan.ts";

/** What is done at one time. */
type Scene = {
  readonly alerts: PlannedAlert[];
  readonly silences: SilenceStep[];
};

/**
 * Does all that a plan says to the programs, at the same times.
 * @returns by how much the latest was late, in milliseconds
 */
export async function play(plan: Plan, sides: readonly Side[], zeroMs: number): Promise<number> {
  const players = sides.map((side) => new Player(side, zeroMs));
  let lateMs = 0;
  for (const [atS, scene] of scenesOf(plan)) {
    const dueMs = zeroMs + atS * 1000;
    await delay(Math.max(0, dueMs - Date.now()));
    await Promise.all(players.map((player) => player.play(scene)));
    lateMs = Math.max(lateMs, Date.now() - dueMs);
  }
  await delay(Math.max(0, zeroMs + plan.seconds * 1000 - Date.now()));
  return lateMs;
}

function scenesOf({ alerts, silences }: Plan): [atS: number, scene: Scene][] {
  const scenes = new Map<number, Scene>();
  const at = (atS: number): Scene => {
    const scene = scenes.get(atS) ?? { alerts: [], silences: [] };
    scenes.set(atS, scene);
    return scene;
  };
  for (const { atS, alert } of alerts) at(atS).alerts.push(alert);
  for (const step of silences) at(step.atS).silences.push(step);
  return [...scenes].sort(([a], [b]) => a - b);
}

/** Speaks Alertmanager's API, version 2, to one program. */
class Player {
  readonly #side: Side;
  readonly #zeroMs: number;
  /** Its ids of silences, by our names. */
  readonly #silenceIds = new Map<string, string>();

  constructor(side: Side, zeroMs: number) {
    this.#side = side;
    this.#zeroMs = zeroMs;
  }

  async play({ alerts, silences }: Scene): Promise<void> {
    if (alerts.length > 0)
      await this.#ask(
        "POST",
        "alerts",
        alerts.map((one) => this.#alert(one)),
      );
    for (const step of silences) await this.#setSilence(step);
  }

  #alert({ labels, annotations, startS, endS }: PlannedAlert): object {
    const starts = startS === null ? {} : { startsAt: this.#time(startS) };
    const ends = endS === null ? {} : { endsAt: this.#time(endS) };
    return { labels, annotations, ...starts, ...ends };
  }

  async #setSilence({ name, silence }: SilenceStep): Promise<void> {
    const id = this.#silenceIds.get(name);
    if (silence === null) {
      await this.#ask("DELETE", `silence/${id}`);
      return;
    }
    const body = {
      ...(id === undefined ? {} : { id }),
      matchers: silence.matchers,
      startsAt: this.#time(silence.startS),
      endsAt: this.#time(silence.endS),
      createdBy: "differential",
      comment: name,
    };
    const { silenceID } = JSON.parse(await this.#ask("POST", "silences", body));
    this.#silenceIds.set(name, silenceID);
  }

  #time(seconds: number): string {
    return new Date(this.#zeroMs + seconds * 1000).toISOString();
  }

  async #ask(method: string, path: string, body?: object): Promise<string> {
    const url = `${this.#side.url}/api/v2/${path}`;
    const headers = { "content-type": "application/json" };
    const content = body === undefined ? {} : { body: JSON.stringify(body), headers };
    const answer = await fetch(url, { method, ...content });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} /api/v2/${path}: ${answer.status} ${text}`);
    return text;
  }
}
