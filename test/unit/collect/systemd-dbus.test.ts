import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DbusDecoder } from "../../../agent/collect/systemd/dbus-decoder.ts";
import { DbusReader, encodeCall } from "../../../agent/collect/systemd/dbus-message.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { mayRefuse } from "./mutated.ts";
import { BusEncoder, encodeMessage, type Plain } from "./systemd-encoder.ts";

const UNIT_LIST = "a(ssssssouso)";
const UNIT: Plain[] = ["a.service", "", "loaded", "active", "running", "", "/a", 0, "", "/"];

function encoded(signature: string, values: readonly Plain[], isLittle: boolean): Uint8Array {
  const encoder = new BusEncoder(isLittle);
  encoder.values(signature, values);
  return Uint8Array.from(encoder.bytes);
}

function decode(signature: string, bytes: Uint8Array, isLittle = true) {
  return new DbusDecoder(bytes, isLittle).values(signature);
}

/** With other bytes in some places: lengths and signatures, above all, stay where they are. */
function changed(original: Uint8Array): fc.Arbitrary<Buffer> {
  const change = fc.record({ at: fc.nat(original.length - 1), byte: fc.nat(255) });
  return fc.array(change, { maxLength: 20 }).map((changes) => {
    const bytes = Buffer.from(original);
    for (const { at, byte } of changes) bytes[at] = byte;
    return bytes;
  });
}

const ROUND_TRIPS: [string, Plain[], unknown[]][] = [
  ["ybnqiu", [7, true, -5, 6, -70000, 80000], [7, true, -5, 6, -70000, 80000]],
  ["xtd", [-5n, 2n ** 63n, 1.5], [-5, 2 ** 63, 1.5]],
  ["sog", ["é", "/a/b", "a{sv}"], ["é", "/a/b", "a{sv}"]],
  ["yv", [1, ["t", 9n]], [1, 9]],
  ["a{sv}as", [[["k", ["as", ["x", "y"]]]], []], [[["k", ["x", "y"]]], []]],
  ["ya(yt)s", [1, [], "z"], [1, [], "z"]],
  [UNIT_LIST, [[UNIT, UNIT]], [[UNIT, UNIT]]],
];

describe("D-Bus values", () => {
  test.each(ROUND_TRIPS)("%s is read in either byte order", (signature, sent, read) => {
    for (const isLittle of [true, false]) {
      expect(decode(signature, encoded(signature, sent, isLittle), isLittle)).toEqual(read);
    }
  });

  test.each([
    ["an array longer than its message", "ay", [255, 255, 255, 127]],
    ["a text longer than its message", "s", [200, 0, 0, 0, 65, 0]],
    ["a text without an end", "s", [1, 0, 0, 0, 65, 65]],
    ["a boolean of 2", "b", [2, 0, 0, 0]],
    ["an unknown type", "h", [0, 0, 0, 0]],
    ["an open structure", "(y", [1]],
    ["an array of empty structures", "a()", [8, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]],
    ["an open array of structures", "a(y", [0, 0, 0, 0]],
    ["a variant of two values", "v", [2, 121, 121, 0, 1, 2]],
    ["an array that ends within a value", "aq", [3, 0, 0, 0, 1, 0, 2, 0]],
    ["variants in variants", "v", Array(200).fill([1, 118, 0]).flat()],
    ["arrays in arrays", `${"a".repeat(100)}y`, Array(800).fill(0)],
  ])("%s is refused", (_, signature, bytes) => {
    expect(() => decode(signature, Uint8Array.from(bytes))).toThrow(OperationalError);
  });

  test("mutated bytes and signatures give values or PROTOCOL, and end", () => {
    const original = encoded(UNIT_LIST, [[UNIT, UNIT, UNIT]], true);
    const signature = fc.oneof(
      fc.constant(UNIT_LIST),
      fc.array(fc.constantFrom(..."ybnqiuxtdsogav(){}")).map((types) => types.join("")),
    );
    fc.assert(
      fc.property(changed(original), signature, (bytes, types) => {
        mayRefuse(() => decode(types, bytes));
      }),
      { numRuns: 300 },
    );
  });
});

describe("D-Bus messages", () => {
  const reply = { kind: 2, replyTo: 3, signature: "su", body: ["x", 5] };

  test("come in any pieces, in either byte order; signals are passed over", () => {
    for (const isLittle of [true, false]) {
      const stream = Buffer.concat([
        encodeMessage({ kind: 4, replyTo: 0, signature: "s", body: ["signal"] }, isLittle),
        encodeMessage(reply, isLittle),
        encodeMessage(
          { kind: 3, replyTo: 4, signature: "", body: [], errorName: "org.x.No" },
          isLittle,
        ),
      ]);
      for (const size of [1, 7, 16, 1000]) {
        const reader = new DbusReader();
        const replies = [];
        for (let at = 0; at < stream.length; at += size) {
          replies.push(...reader.push(stream.subarray(at, at + size)));
        }
        expect(replies).toEqual([
          { replyTo: 3, error: null, body: ["x", 5] },
          { replyTo: 4, error: "org.x.No", body: [] },
        ]);
      }
    }
  });

  test("one that says that it is gigabytes long is refused at once", () => {
    const bytes = encodeMessage(reply, true);
    bytes.writeUInt32LE(2 ** 31, 4);
    expect(() => new DbusReader().push(bytes)).toThrow(/at most/);
  });

  test("mutated ones give replies, PROTOCOL or LIMIT", () => {
    const original = Buffer.concat([encodeMessage(reply, true), encodeMessage(reply, true)]);
    fc.assert(
      fc.property(changed(original), (bytes) => mayRefuse(() => new DbusReader().push(bytes))),
      { numRuns: 300 },
    );
  });

  test("a call is as the specification says", () => {
    const call = encodeCall(
      { path: "/p", destination: "d.e", interface: "i.f", member: "Get", arguments: ["ab", ""] },
      9,
    );
    const header = new DbusDecoder(call, true);
    const [order, kind, , version, bodyLength, serial, fields] = header.values("yyyyuua(yv)");
    expect([order, kind, version, bodyLength, serial]).toEqual([108, 1, 1, 13, 9]);
    const byNumber = Object.fromEntries(fields as [number, string][]);
    expect(byNumber).toEqual({ 1: "/p", 2: "i.f", 3: "Get", 6: "d.e", 8: "ss" });
    const body = call.subarray(call.length - 13);
    expect((call.length - 13) % 8).toBe(0);
    expect(decode("ss", Uint8Array.from(body))).toEqual(["ab", ""]);
  });
});
