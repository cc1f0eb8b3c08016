import type { HttpAnswer, HttpClientOptions } from "../../../shared/platform/http-client.ts";
import { joinUrl, sendGet, sendJson } from "./http-send.ts";
import type { SendAnswer, SendPorts } from "./integration.ts";
import { answerOf, answerRecord, delivered, recordOf } from "./send-answer.ts";

export type JiraRules = {
  /** Jira Cloud, which has a search of its own. */
  readonly isCloud: boolean;
  /** Names of transitions and of a resolution; "": none. */
  readonly resolveTransition: string;
  readonly reopenTransition: string;
  readonly wontFixResolution: string;
  /** How old a resolved issue may be to be opened again; 0: any age. */
  readonly reopenMinutes: number;
};

type Server = {
  /** With the API's path: `https://HOST/rest/api/2`. */
  readonly base: string;
  readonly client: HttpClientOptions;
  readonly rules: JiraRules;
};

/** The issue of a group, as it should be. */
export type JiraIssue = {
  /** Fields of a new one. */
  readonly all: object;
  /** Fields that are written to one that is there. */
  readonly updated: object;
  readonly project: string;
  /** By which it is found again. */
  readonly label: string;
};

type Found = { readonly key: string; readonly isDone: boolean };

/** A request that was not answered as it should; its answer is that of the whole attempt. */
class Refused extends Error {
  readonly answer: SendAnswer;

  constructor(answer: SendAnswer) {
    super(answer.text);
    this.answer = answer;
  }
}

/** Finds and changes the issue of a group, with the requests of one attempt. */
export class JiraIssues {
  readonly #server: Server;
  readonly #ports: SendPorts;
  readonly #signal: AbortSignal;

  constructor(server: Server, ports: SendPorts, signal: AbortSignal) {
    this.#server = server;
    this.#ports = ports;
    this.#signal = signal;
  }

  /** Makes the issue, writes what changed, opens it again or resolves it. */
  async tell(issue: JiraIssue, isFiring: boolean): Promise<SendAnswer> {
    try {
      const found = await this.#find(issue, isFiring);
      if (found !== null) return await this.#update(found, issue, isFiring);
      if (!isFiring) return delivered("no issue");
      await this.#write("POST", "issue", { fields: issue.all });
      return delivered("201");
    } catch (error) {
      if (error instanceof Refused) return error.answer;
      throw error;
    }
  }

  async #update(found: Found, { updated }: JiraIssue, isFiring: boolean): Promise<SendAnswer> {
    await this.#write("PUT", `issue/${found.key}`, { fields: updated });
    const { reopenTransition, resolveTransition } = this.#server.rules;
    if (isFiring && found.isDone) await this.#move(found, reopenTransition);
    if (!isFiring && !found.isDone) await this.#move(found, resolveTransition);
    return delivered(found.key);
  }

  async #find({ project, label }: JiraIssue, isFiring: boolean): Promise<Found | null> {
    const { isCloud, reopenTransition, reopenMinutes, wontFixResolution } = this.#server.rules;
    const conditions = [`project = ${quoted(project)}`, `labels = ${quoted(label)}`];
    if (wontFixResolution !== "") {
      conditions.push(`(resolution is EMPTY OR resolution != ${quoted(wontFixResolution)})`);
    }
    if (!isFiring || reopenTransition === "") conditions.push("statusCategory != Done");
    else if (reopenMinutes > 0) {
      conditions.push(`(resolutiondate is EMPTY OR resolutiondate >= -${reopenMinutes}m)`);
    }
    const jql = `${conditions.join(" AND ")} ORDER BY status ASC, resolutiondate DESC`;
    const path = isCloud ? "search/jql" : "search";
    const answer = await this.#write("POST", path, { jql, fields: ["status"], maxResults: 1 });
    const issues = answerRecord(answer.text)["issues"];
    if (!Array.isArray(issues)) throw new Refused(unclear(answer));
    return issues.length === 0 ? null : foundOf(issues[0], answer);
  }

  async #move({ key }: Found, name: string): Promise<void> {
    if (name === "") return;
    const path = `issue/${key}/transitions`;
    const transitions = answerRecord((await this.#read(path)).text)["transitions"];
    const all = Array.isArray(transitions) ? transitions.map(recordOf) : [];
    const transition = all.find((one) => one["name"] === name);
    if (transition === undefined) {
      const text = "the issue has no transition of the configured name";
      throw new Refused({ outcome: "retry", text, retryAfterMs: null });
    }
    await this.#write("POST", path, { transition: { id: transition["id"] } });
  }

  async #read(path: string): Promise<HttpAnswer> {
    const { base, client } = this.#server;
    const target = { url: joinUrl(base, path), client };
    return taken(await sendGet(this.#ports, target, this.#signal));
  }

  async #write(method: "POST" | "PUT", path: string, body: object): Promise<HttpAnswer> {
    const { base, client } = this.#server;
    const target = { method, url: joinUrl(base, path), client };
    return taken(await sendJson(this.#ports, target, body, this.#signal));
  }
}

function taken(answer: HttpAnswer): HttpAnswer {
  const byStatus = answerOf(answer);
  if (byStatus.outcome !== "delivered") throw new Refused(byStatus);
  return answer;
}

function foundOf(value: unknown, answer: HttpAnswer): Found {
  const { key, fields } = recordOf(value);
  const category = recordOf(recordOf(recordOf(fields)["status"])["statusCategory"]);
  if (typeof key !== "string" || !/^[\w-]+$/.test(key)) throw new Refused(unclear(answer));
  return { key, isDone: category["key"] === "done" };
}

function unclear({ status }: HttpAnswer): SendAnswer {
  return { outcome: "retry", text: `${status}: no answer of Jira's`, retryAfterMs: null };
}

/** A text in JQL. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&").replace(/\p{Cc}/gu, " ")}"`;
}
