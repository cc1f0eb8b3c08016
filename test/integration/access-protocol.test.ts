import { expect, test } from "vitest";
import { loadTelltale } from "../../shared/wire/proto.ts";

/** Every field that an agent can receive: think about a new one before it is added here. */
const RECEIVED: Readonly<Record<string, readonly string[]>> = {
  AggregatorMessage: ["welcome", "ack", "rejected", "clockAnswer"],
  Welcome: [
    "lastSeq",
    "epoch",
    "seriesKnown",
    "nowMs",
    "windowFrames",
    "aggregatorVersion",
    "load",
    "refused",
  ],
  Refusal: ["fromSeq", "toSeq", "reason"],
  Ack: ["seq", "load"],
  ClockAnswer: ["id", "receivedUsec", "sentUsec"],
  Rejected: ["seq", "reason", "detail"],
  Certificate: ["certificate", "authorities", "node"],
};

type Field = { readonly name: string; readonly type: string; readonly typeName: string };
type Message = { readonly name: string; readonly field: readonly Field[] };
type Method = { readonly responseType: { readonly type: Message } };

const { definition } = loadTelltale();

function messageOf(name: string): Message {
  const found = definition[`telltale.v1.${name}`];
  if (found === undefined) throw new Error(`no message ${name}`);
  return found["type"] as unknown as Message;
}

function answersOf(service: string): string[] {
  const methods = definition[`telltale.v1.${service}`] as unknown as Record<string, Method>;
  return Object.values(methods).map(({ responseType }) => responseType.type.name);
}

test("nothing that an agent receives could make it run or write anything", () => {
  const open = [...answersOf("Ingest"), ...answersOf("Identity")];
  expect(open).toEqual(["AggregatorMessage", "Certificate", "Certificate"]);
  const seen: Record<string, readonly string[]> = {};
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const { field: fields } = messageOf(name);
    seen[name] = fields.map((field) => field.name);
    for (const { type, typeName } of fields) {
      const next = typeName.replace(/^.*\./, "");
      if (type === "TYPE_MESSAGE" && seen[next] === undefined) open.push(next);
    }
  }
  expect(seen).toEqual(RECEIVED);
});
