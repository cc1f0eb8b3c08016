import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ContainerBed, whyNoContainers } from "../support/container-bed.ts";
import { JournalBed, whyNoJournal } from "../support/journal-bed.ts";
import { LogsNode, type QueuedLine } from "../support/logs-node.ts";
import { SeededRandom } from "../support/random.ts";

const why = whyNoContainers() ?? whyNoJournal();
const DRIVERS = ["json-file", "local", "journald"] as const;
const LINES = 8000;
const COMPOSE = ["com.docker.compose.project=shop", "com.docker.compose.service=web"];
const PAD = "x".repeat(80);
const LONG = 40_000;

/** Some 2,000 numbered lines a second, every tenth on the standard error, and a long one. */
const PROGRAM = `i=0; while [ $i -lt ${LINES} ]; do
  case $i in *0) echo "$i ${PAD}" >&2;; *) echo "$i ${PAD}";; esac
  i=$((i+1)); case $i in *00) sleep 0.05;; esac; done
  head -c ${LONG} /dev/zero | tr '\\0' y; echo; sleep 1`;

describe.skipIf(why !== null)(
  `logs of containers${why === null ? "" : ` (skipped: ${why})`}`,
  () => {
    let journal: JournalBed;
    let bed: ContainerBed;
    let node: LogsNode;
    let lines: QueuedLine[];
    const random = new SeededRandom("container logs");

    beforeAll(async () => {
      journal = await JournalBed.open();
      bed = await ContainerBed.open(journal);
      node = new LogsNode(bed.hostRoot, bed.directory);
      node.start();
      await delay(3000);
      const ends = DRIVERS.flatMap((driver) => [
        run(driver, "kept"),
        run(driver, "removed", "--rm"),
      ]);
      const isOver = Promise.all(ends).then(() => true);
      // The reader is killed again and again while they write.
      while (!(await Promise.race([isOver, delay(random.int(200, 2500), false)]))) {
        await node.end("SIGKILL");
        await delay(random.int(0, 300));
        node.start();
      }
      await delay(12_000);
      lines = await node.lines();
    });

    afterAll(async () => {
      await node?.[Symbol.asyncDispose]();
      await bed?.[Symbol.asyncDispose]();
      await journal?.[Symbol.asyncDispose]();
    });

    /** Until the container has ended. */
    async function run(driver: string, fate: string, ...options: string[]): Promise<void> {
      const name = `tt-${driver}-${fate}`;
      const rotated = ["--log-opt", "max-size=200k", "--log-opt", "max-file=5"];
      const labels = COMPOSE.flatMap((label) => ["--label", label]);
      const logging = ["--log-driver", driver, ...(driver === "journald" ? [] : rotated)];
      await bed.run(name, PROGRAM, ["--network=none", ...logging, ...labels, ...options]);
      await bed.docker("wait", name).catch(() => ""); // it may be gone
    }

    test.each(DRIVERS.flatMap((driver) => [`tt-${driver}-kept`, `tt-${driver}-removed`]))(
      "%s: each line is there once, in its order, with its labels",
      (name) => {
        const own = lines.filter(({ labels }) => labels.includes(`container="${name}"`));
        const numbers = (stream: string) =>
          own
            .filter(
              ({ labels, text }) => labels.includes(`stream="${stream}"`) && text.endsWith(PAD),
            )
            .map(({ text }) => Number(text.split(" ")[0]));
        const all = Array.from({ length: LINES }, (_, n) => n);
        expect(numbers("stdout")).toEqual(all.filter((n) => n % 10 > 0));
        expect(numbers("stderr")).toEqual(all.filter((n) => n % 10 === 0));
        const long = own.filter(({ text }) => text.startsWith("y"));
        expect(long.map(({ text }) => text)).toEqual(["y".repeat(LONG)]);
        expect(own.length).toBe(LINES + 1);
        expect(new Set(own.map(({ labels }) => labels))).toEqual(
          new Set(
            ["stdout", "stderr"].map(
              (stream) =>
                `{compose_project="shop", compose_service="web", container="${name}", image="testbed/busybox:1", job="containers", service="web", stream="${stream}"}`,
            ),
          ),
        );
      },
    );

    test("no line is in the journal's own name as well", () => {
      const own = lines.filter(({ labels }) => labels.includes('job="journal"'));
      expect(own.filter(({ text }) => text.endsWith(PAD) || text.startsWith("y"))).toEqual([]);
    });
  },
);
