import { OperationalError } from "../../../shared/errors.ts";
import { labelPairs } from "../../../shared/model/labels.ts";
import { formatValue, pairsOf, type TemplateValue } from "../../template/go-format.ts";
import { formatGoTime } from "../../template/go-time.ts";

/**
 * A value as Go's encoding/json writes it, the fields of alerts by the names that webhooks have.
 * @throws OperationalError LIMIT
 */
export function jsonText(value: TemplateValue, lengthMax: number): string {
  return new JsonWriter(lengthMax).write(value);
}

class JsonWriter {
  readonly #lengthMax: number;
  #length = 0;

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  write(value: TemplateValue): string {
    if (typeof value === "string") return this.#quoted(value);
    if (typeof value === "number") return Number.isFinite(value) ? String(value) : "null";
    if (typeof value !== "object" || value === null) return String(value);
    switch (value.kind) {
      case "time":
        return this.#quoted(formatGoTime(value.time, "2006-01-02T15:04:05.999999999Z07:00"));
      case "duration":
        return String(Math.round(value.seconds * 1e9));
      case "list":
        return `[${value.items.map((item) => this.write(item)).join(",")}]`;
      case "labels":
        return this.#object(labelPairs(value.labels));
      case "fields":
        return this.#object(
          [...value.fields].map(([name, field]) => [jsonName(name, value), field]),
        );
      case "map":
        return this.#object(pairsOf(value));
      default:
        return this.#quoted(formatValue(value));
    }
  }

  #object(pairs: readonly (readonly [string, TemplateValue])[]): string {
    const members = pairs.map(([name, value]) => `${this.#quoted(name)}:${this.write(value)}`);
    return `{${members.join(",")}}`;
  }

  /** As Go does, with nothing in it that could end a script or begin an element. */
  #quoted(text: string): string {
    const quoted = JSON.stringify(text).replace(
      /[<>&\u2028\u2029]/g,
      (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
    this.#length += quoted.length;
    if (this.#length <= this.#lengthMax) return quoted;
    throw new OperationalError("LIMIT", `toJson gave over ${this.#lengthMax} characters`);
  }
}

/** Pairs of names and values have Go's own names, the rest begins in lower case. */
function jsonName(name: string, { type }: { readonly type?: string }): string {
  return type === "template.Pair" ? name : name.charAt(0).toLowerCase() + name.slice(1);
}
