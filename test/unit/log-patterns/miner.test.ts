import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Miner, OTHER_ID, templateOf } from "../../../shared/log-patterns/miner.ts";
import { SeededRandom } from "../../support/random.ts";
import { FORMATS, makeLines } from "./formats.ts";
import { groupingAccuracy, minedIds } from "./grouping.ts";
import { OTHER_FORMATS } from "./other-formats.ts";
import { UNSEEN_FORMATS } from "./unseen-formats.ts";

const templatesOf = (lines: readonly string[]) => {
  const miner = new Miner();
  for (const line of lines) miner.add(line);
  miner.settle();
  return miner.patterns().map((pattern) => `${pattern.count} ${templateOf(pattern)}`);
};

describe("what is one pattern", () => {
  const names = ["ana", "bo", "chen", "dora", "emil", "fay"];

  test("lines that differ in numbers, paths, hosts with ports, units and truth values", () => {
    expect(
      templatesOf([
        "read /var/a from db-1.example.net:5432 took 5 ms, cached=true",
        "read /etc/b/c.d from cache.example.net:11211 took 1.5 sec, cached=false",
      ]),
    ).toEqual(["2 read <*> from <*> took <*>, cached=<*>"]);
  });

  test("lines whose lists of numbers or names have other lengths", () => {
    expect(templatesOf(["nodes 1, 2, 3 left", "nodes 4 left", "nodes 5 6 left"])).toEqual([
      "3 nodes <*> left",
    ]);
    expect(templatesOf(["acls [a, b] set", "acls [] set", "acls [c, d, e] set"])).toEqual([
      "3 acls [<*>] set",
    ]);
  });

  test("lines with many words in one place, which becomes a variable", () => {
    expect(templatesOf(names.map((name) => `greeted ${name} at the door`))).toEqual([
      "6 greeted <*> at the door",
    ]);
  });

  test("a user's name is a variable from the second on", () => {
    expect(templatesOf(["session of user ana over", "session of user bo over"])).toEqual([
      "2 session of user <*> over",
    ]);
  });

  test("lines whose quoted values have other words, and as many of them as they like", () => {
    const acquired = (tag: string) => `acquired lock, tag="${tag}", by all`;
    expect(templatesOf(["View Lock", "x", "the long one"].map(acquired))).toEqual([
      "3 acquired lock, tag=<*>, by all",
    ]);
    const json = (agent: string) => `{"msg":"request done","agent":"${agent}"}`;
    expect(templatesOf(["curl", "Mozilla (X11; Linux)"].map(json))).toEqual([
      '2 {"msg":"request done","agent":<*>}',
    ]);
    expect(templatesOf(["'SparkUI' begun", "'sparkDriver' begun"])).toEqual(["2 '<*>' begun"]);
  });

  test("lines of many keys, whatever their values, but not other keys", () => {
    const closed = (flags: string, cmd: string) =>
      `Client closed id=7 addr=10.0.0.1:80 flags=${flags} cmd=${cmd} user=(superuser) name=`;
    expect(templatesOf([closed("N", "get"), closed("S", "client|kill")])).toHaveLength(1);
    expect(templatesOf(["a=1 b=2 c=3 d=4 e=5", "a=1 b=2 c=3 d=4 f=5"])).toHaveLength(2);
  });

  test("the same message behind other headers", () => {
    expect(
      templatesOf([
        "Jun  1 10:00:00 web sshd[12]: Connection lost early",
        "Jun  2 11:00:00 db su[7]: Connection lost early",
        "2015-10-18 18:01:47,978 INFO [main] org.a.B: Connection lost early",
        "2015-10-18 18:01:48,978 ERROR [IPC Server handler 3 on 9] org.a.C: Connection lost early",
        "081109 203615 148 WARN dfs.Node$Sender: Connection lost early",
        "[Sun Dec 04 04:47:44 2005] [error] Connection lost early",
        "03-17 16:13:38.811  1702  2395 D Window: Connection lost early",
        "2016-09-28 04:30:31, Error                 Connection lost early",
        "Jul  2 09:10:11 someones-mac Microsoft Word[144]: Connection lost early",
      ]),
    ).toEqual(["9 <*> Connection lost early"]);
  });
});

describe("lines of several lines, colours and controls", () => {
  test("the first line of a joined one says what kind it is", () => {
    const traces = ["at a.B(C.java:7)", "at d.E(F.java:8)\n\tat x"].map(
      (frames) => `Request failed: no route\n\t${frames}`,
    );
    expect(templatesOf(traces)).toEqual(["2 Request failed: no route"]);
  });

  test("colours are no part of a pattern", () => {
    expect(templatesOf(["\u001b[32mINFO\u001b[0m all is well", "INFO all is well"])).toHaveLength(
      1,
    );
  });

  test("an escape that begins no colour is no part of a pattern either", () => {
    expect(templatesOf(["all is well", "\u001ball is \u001bwell", "all is\u001b well"])).toEqual([
      "3 all is well",
    ]);
  });

  test("a line that is cut is cut between two words", () => {
    const blocks = (first: number) =>
      Array.from({ length: 400 }, (_, i) => `blk_-${first + i}`).join(" ");
    expect(templatesOf([`delete ${blocks(1)}`, `delete ${blocks(77_777)}`])).toHaveLength(1);
  });
});

describe("what stays apart", () => {
  test("two messages that differ in a word that says what happened, however often they come", () => {
    const events = ["started", "stopped", "paused", "resumed", "failed", "created", "removed"];
    expect(templatesOf(events.map((word) => `the machine was ${word} just now`))).toHaveLength(7);
  });

  test("states that something went through, unless they are the value of a key", () => {
    const states = ["NEW", "INITED", "SETUP", "RUNNING", "FAILED", "KILLED", "DONE"];
    const lines = (text: (state: string) => string) => states.map(text);
    expect(templatesOf(lines((state) => `the job went from ${state} in a hurry`))).toHaveLength(7);
    expect(templatesOf(lines((state) => `the job is here, state:${state} now`))).toHaveLength(1);
  });

  test("a severity in capitals that begins a message without a header", () => {
    expect(templatesOf(["Error reading it all", "reading it all"])).toHaveLength(2);
  });

  test("messages that a key says in quotes", () => {
    expect(templatesOf(['x=1 msg="it went up"', 'x=1 msg="it went down"'])).toHaveLength(2);
  });

  test("three messages that differ in one word and come often", () => {
    const lines = ["red", "green", "blue"].flatMap((word) =>
      Array.from({ length: 20 }, () => `light turned ${word} here`),
    );
    expect(templatesOf(lines)).toHaveLength(3);
  });

  test("`key: value` without a header keeps its key", () => {
    expect(
      templatesOf(["Login failed: no such user", "Mount failed: no such device"]),
    ).toHaveLength(2);
  });
});

test.each([
  ["the messages that most lines have", FORMATS, 0.95],
  ["other messages of the same systems", OTHER_FORMATS, 0.95],
  ["messages that no rule was made for", UNSEEN_FORMATS, 0.9],
])("each system's lines are grouped right, with one setting: %s", (_name, formats, least) => {
  const random = new SeededRandom(7).next;
  const accuracies = formats.map((format) => {
    const { lines, labels } = makeLines(format, 700, random);
    return { name: format.name, accuracy: groupingAccuracy(minedIds(lines), labels) };
  });
  expect(accuracies.filter(({ accuracy }) => accuracy < least)).toEqual([]);
});

/** Words that are near enough for merges, and far enough for new patterns. */
const word = fc.constantFrom("a", "user", "x=1", "/p/q", "open", "[", "]", ",", "7", "\u0000", ":");
const rare = fc.string({ minLength: 1, maxLength: 3 });
const line = fc
  .array(fc.oneof({ weight: 4, arbitrary: word }, { weight: 1, arbitrary: rare }), { maxLength: 8 })
  .map((words) => words.join(" "));
const manyLines = fc.array(line, { size: "max", maxLength: 120 });
const limits = { patternsMax: 20, skeletonsMax: 30 };

describe("invariants", () => {
  test("every line has one pattern, and the counts add up, beyond every limit too", () => {
    fc.assert(
      fc.property(manyLines, fc.nat(119), (lines, settleAt) => {
        const miner = new Miner(limits);
        const ids = lines.map((text, i) => {
          if (i === settleAt) miner.settle();
          return miner.add(text).id;
        });
        const counts = new Map<string, number>();
        for (const id of ids.map((one) => miner.resolve(one))) {
          counts.set(id, (counts.get(id) ?? 0) + 1);
        }
        const patterns = miner.patterns();
        expect(patterns.reduce((sum, { count }) => sum + count, 0)).toBe(lines.length);
        expect(patterns.length).toBeLessThanOrEqual(limits.patternsMax + 1);
        const known = patterns.map(({ id }) => id);
        expect([...counts.keys()].filter((id) => !known.includes(id))).toEqual([]);
        // Only ids that were forgotten may have moved their lines to the one of all others.
        for (const { id, count } of patterns) {
          if (id !== OTHER_ID) expect(counts.get(id) ?? 0).toBeLessThanOrEqual(count);
        }
      }),
      { numRuns: 60, endOnFailure: true },
    );
  });

  test("a miner that was saved and loaded goes on as if it had not been", () => {
    fc.assert(
      fc.property(manyLines, manyLines, (before, after) => {
        const miner = new Miner({ ...limits, patternsMax: 200 });
        for (const text of before) miner.add(text);
        const loaded = new Miner({ ...limits, patternsMax: 200 });
        loaded.restore(structuredClone(miner.state()));
        expect(loaded.state()).toEqual(miner.state());
        expect(loaded.lines).toBe(miner.lines);
        for (const text of after) expect(loaded.add(text).id).toBe(miner.add(text).id);
        for (const one of [miner, loaded]) one.settle();
        expect(loaded.patterns().map(({ id }) => id)).toEqual(miner.patterns().map(({ id }) => id));
      }),
      { numRuns: 30, endOnFailure: true },
    );
  });

  test("what a line leads to does not depend on what is remembered of skeletons", () => {
    fc.assert(
      fc.property(manyLines, (lines) => {
        const [one, other] = [4, 10_000].map(
          (skeletonsMax) => new Miner({ patternsMax: 20, skeletonsMax }),
        ) as [Miner, Miner];
        for (const text of [...lines, ...lines]) expect(one.add(text).id).toBe(other.add(text).id);
      }),
      { numRuns: 60, endOnFailure: true },
    );
  });

  test("lines that are taken back are counted nowhere", () => {
    const miner = new Miner();
    const pattern = miner.add("a b 1");
    miner.add("a b 2");
    miner.takeBack(pattern, 1);
    expect([miner.lines, pattern.count]).toEqual([1, 1]);
  });

  test("an id stays while its pattern becomes more general, and the merged ones lead to it", () => {
    const miner = new Miner();
    const first = miner.add("greeted ana at the door").id;
    const others = ["bo", "chen", "dora", "emil", "fay"].map(
      (name) => miner.add(`greeted ${name} at the door`).id,
    );
    miner.settle();
    expect(miner.patterns()).toMatchObject([
      { id: first, count: 6, example: "greeted ana at the door" },
    ]);
    expect(miner.patterns().map(templateOf)).toEqual(["greeted <*> at the door"]);
    expect(others.map((id) => miner.resolve(id))).toEqual(others.map(() => first));
    expect(miner.add("greeted gus at the door").id).toBe(first);
  });

  test("the same pattern has the same id in another miner", () => {
    expect(new Miner().add("disk 3 is full").id).toBe(new Miner().add("disk 99 is full").id);
  });

  test("an evicted pattern's id is not used again, and its lines count as others", () => {
    const miner = new Miner({ patternsMax: 10, skeletonsMax: 10 });
    const letters = "abcdefghijklmnopqrst".split("");
    const ids = letters.map((letter) => miner.add(`${letter} ${letter}`).id);
    expect(miner.resolve(ids[0] as string)).toBe(OTHER_ID);
    expect(ids).not.toContain(miner.add("a a").id);
    expect(miner.patterns().reduce((sum, { count }) => sum + count, 0)).toBe(21);
    expect(miner.patterns().length).toBeLessThanOrEqual(11);
  });

  test("an empty line, spaces and a line of 10 MB have a pattern", () => {
    const miner = new Miner();
    for (const text of ["", "   ", "x".repeat(10_000_000), "[".repeat(100_000)]) miner.add(text);
    miner.settle();
    expect(miner.patterns().reduce((sum, { count }) => sum + count, 0)).toBe(4);
  });
});
