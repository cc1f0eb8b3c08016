import type { HttpAnswer, HttpClientOptions } from "../../../shared/platform/http-client.ts";
import { answerOf, answerRecord, joinUrl, sendJson } from "./http-send.ts";
import type { SendAnswer, SendPorts } from "./integration.ts";

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

type Fields = {
  readonly all: object;
  readonly updated: object;
  readonly project: string;
};

type Issue = { readonly key: string; readonly isDone: boolean };

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
  async tell(
    fields: Fields,
    { label, isFiring }: { readonly label: string; readonly isFiring: boolean },
  ): Promise<SendAnswer> {
    try {
      const issue = await this.#find(fields.project, label, isFiring);
      if (issue === null) {
        if (isFiring) await this.#ask("POST", "issue", { fields: fields.all });
        return { outcome: "delivered", text: isFiring ? "201" : "no issue", retryAfterMs: null };
      }
      await this.#ask("PUT", `issue/${issue.key}`, { fields: fields.updated });
      const { reopenTransition, resolveTransition } = this.#server.rules;
      if (isFiring && issue.isDone) await this.#move(issue, reopenTransition);
      if (!isFiring && !issue.isDone) await this.#move(issue, resolveTransition);
      return { outcome: "delivered", text: issue.key, retryAfterMs: null };
    } catch (error) {
      if (error instanceof Refused) return error.answer;
      throw error;
    }
  }

  async #find(project: string, label: string, isFiring: boolean): Promise<Issue | null> {
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
    const answer = await this.#ask("POST", path, { jql, fields: ["status"], maxResults: 1 });
    const issues = answerRecord(answer.text)["issues"];
    if (!Array.isArray(issues)) throw new Refused(unclear(answer));
    return issues.length === 0 ? null : issueOf(issues[0], answer);
  }

  async #move({ key }: Issue, name: string): Promise<void> {
    if (name === "") return;
    const answer = await this.#ask("GET", `issue/${key}/transitions`);
    const transitions = answerRecord(answer.text)["transitions"];
    const found = Array.isArray(transitions)
      ? transitions.find((one) => record(one)["name"] === name)
      : undefined;
    if (found === undefined) {
      const text = `the issue has no transition of the configured name`;
      throw new Refused({ outcome: "retry", text, retryAfterMs: null });
    }
    const transition = { id: record(found)["id"] };
    await this.#ask("POST", `issue/${key}/transitions`, { transition });
  }

  async #ask(method: "GET" | "POST" | "PUT", path: string, body?: object): Promise<HttpAnswer> {
    const { base, client } = this.#server;
    const request = { method, url: joinUrl(base, path), client };
    const answer = await sendJson(this.#ports, request, body ?? {}, this.#signal);
    const told = answerOf(answer);
    if (told.outcome !== "delivered") throw new Refused(told);
    return answer;
  }
}

function issueOf(value: unknown, answer: HttpAnswer): Issue {
  const { key, fields } = record(value);
  const category = record(record(record(fields)["status"])["statusCategory"]);
  if (typeof key !== "string" || !/^[\w-]+$/.test(key)) throw new Refused(unclear(answer));
  return { key, isDone: category["key"] === "done" };
}

function unclear({ status }: HttpAnswer): SendAnswer {
  return { outcome: "retry", text: `${status}: no answer of Jira's`, retryAfterMs: null };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** A text in JQL. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&").replace(/\p{Cc}/gu, " ")}"`;
}
