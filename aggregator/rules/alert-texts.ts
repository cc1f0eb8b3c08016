import { OperationalError } from "../../shared/errors.ts";
import type { VectorSample } from "../../shared/model/columns.ts";
import type { External } from "../model/alert.ts";
import {
  type AlertTemplates,
  alertTemplates,
  expandAlertTemplate,
  type TemplateData,
} from "../template/alert-template.ts";
import type { Template } from "../template/template.ts";

/** Queries that the templates of one evaluation may make. */
const QUERIES_MAX = 100;

type AskFn = (query: string) => Promise<readonly VectorSample[]>;
type Answer = readonly VectorSample[] | OperationalError;

/**
 * Expands the templates of one evaluation. Expanding is pure: a template that wants the result of a query
 * is expanded again when that is known, and all alerts share the results.
 */
export class AlertTexts {
  readonly #external: External;
  readonly #ask: AskFn;
  readonly #templates: AlertTemplates;
  readonly #answers = new Map<string, Answer>();
  #wanted: string | null = null;

  constructor(external: External, timeMs: number, ask: AskFn) {
    this.#external = external;
    this.#ask = ask;
    const query = (text: string) => this.#answerTo(text);
    this.#templates = alertTemplates({ query, timeMs, externalUrl: external.url });
  }

  /** Never rejects for a template that fails: its text says so. */
  async expand(template: Template, { labels, value }: VectorSample): Promise<string> {
    const data = { labels, value, externalLabels: this.#external.labels };
    for (;;) {
      const { text, wanted } = this.#expandOnce(template, data);
      if (wanted === null) return text;
      this.#answers.set(wanted, await this.#askFor(wanted));
    }
  }

  #expandOnce(template: Template, data: TemplateData) {
    this.#wanted = null;
    const text = expandAlertTemplate(template, data, this.#templates);
    return { text, wanted: this.#wanted as string | null };
  }

  /** @throws OperationalError what the query failed with, or because it is not known yet */
  #answerTo(query: string): readonly VectorSample[] {
    const answer = this.#answers.get(query);
    if (answer instanceof OperationalError) throw answer;
    if (answer !== undefined) return answer;
    this.#wanted ??= query;
    throw new OperationalError("UNAVAILABLE", "the query was not asked yet");
  }

  async #askFor(query: string): Promise<Answer> {
    if (this.#answers.size >= QUERIES_MAX) {
      return new OperationalError("LIMIT", `over ${QUERIES_MAX} queries in one evaluation`);
    }
    try {
      return await this.#ask(query);
    } catch (error) {
      if (error instanceof OperationalError) return error;
      throw error;
    }
  }
}
