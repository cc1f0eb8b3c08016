import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BUSYBOX, ContainerBed, whyNoContainers } from "../support/container-bed.ts";
import { JournalBed, whyNoJournal } from "../support/journal-bed.ts";
import { LogsNode, type QueuedLine } from "../support/logs-node.ts";
import { PodmanBed, whyNoPodman } from "../support/podman-bed.ts";
import { SeededRandom } from "../support/random.ts";

const why = whyNoContainers() ?? whyNoJournal() ?? whyNoPodman();
const DRIVERS = ["json-file", "local", "journald"];
const PODMAN_DRIVERS = ["k8s-file", "journald"];
const FATES = ["kept", "removed"];
const LINES = 8000;
const COMPOSE = ["com.docker.compose.project=shop", "com.docker.compose.service=web"];
const PAD = "x".repeat(80);
const LONG = 40_000;

/** Some 2,000 numbered lines a second, every tenth on the standard error, and a long one. */
const PROGRAM = `i=0; while [ $i -lt ${LINES} ]; do
  case $i in *0) echo "$i ${PAD}" >&2;; *) echo "$i ${PAD}";; esac
  i=$((i+1)); case $i in *00) sleep 0.05;; esac; done
  head -c ${LONG} /dev/zero | tr '\\0' y; echo; sleep 1`;

/** Where the lines begin to be others than they should be. */
function difference(actual: readonly number[], expected: readonly number[]): object | null {
  const at = expected.findIndex((n, i) => actual[i] !== n);
  if (at < 0 && actual.length === expected.length) return null;
  const [from, to] = [Math.max(0, at - 2), at + 5];
  return {
    at,
    count: actual.length,
    is: actual.slice(from, to),
    expected: expected.slice(from, to),
  };
}

describe.skipIf(why !== null)(
  `logs of containers${why === null ? "" : ` (skipped: ${why})`}`,
  () => {
    let journal: JournalBed;
    let bed: ContainerBed;
    let podman: PodmanBed;
    let node: LogsNode;
    let lines: QueuedLine[];
    const random = new SeededRandom("container logs");

    beforeAll(async () => {
      journal = await JournalBed.open();
      bed = await ContainerBed.open(journal);
      podman = await PodmanBed.open(journal, bed);
      node = new LogsNode(bed.hostRoot, bed.directory);
      node.start();
      await delay(3000);
      const isOver = runAll("kept", []).then(() => true);
      // The reader is killed again and again while they write.
      while (!(await Promise.race([isOver, delay(random.int(200, 2500), false)]))) {
        await node.end("SIGKILL");
        await delay(random.int(0, 300));
        node.start();
      }
      await delay(3000);
      await runAll("removed", ["--rm"]); // what is gone cannot be read by one who was away
      await delay(12_000);
      lines = await node.lines();
    });

    afterAll(async () => {
      await node?.[Symbol.asyncDispose]();
      await bed?.[Symbol.asyncDispose]();
      await journal?.[Symbol.asyncDispose]();
    });

    /** Containers of all kinds at once, until they have ended. */
    async function runAll(fate: string, options: readonly string[]): Promise<void> {
      await Promise.all([
        ...DRIVERS.map((driver) => run(driver, `tt-${driver}-${fate}`, options)),
        ...PODMAN_DRIVERS.map((driver) =>
          runPodman(driver, `tt-podman-${driver}-${fate}`, options),
        ),
      ]);
    }

    async function run(driver: string, name: string, options: readonly string[]): Promise<void> {
      const rotated = ["--log-opt", "max-size=500k", "--log-opt", "max-file=5"];
      const labels = COMPOSE.flatMap((label) => ["--label", label]);
      const logging = ["--log-driver", driver, ...(driver === "journald" ? [] : rotated)];
      await bed.run(name, PROGRAM, ["--network=none", ...logging, ...labels, ...options]);
      await bed.docker("wait", name).catch(() => ""); // it may be gone
    }

    async function runPodman(
      driver: string,
      name: string,
      options: readonly string[],
    ): Promise<void> {
      const args = ["run", "--name", name, "--network=none", `--log-driver=${driver}`, ...options];
      await podman.podman(...args, BUSYBOX, "sh", "-c", PROGRAM);
    }

    function expectAll(name: string, compose: string, image: string, service: string): void {
      // The last lines of a file that was rotated away may come behind the first of the next.
      const own = lines
        .filter(({ labels }) => labels.includes(`container="${name}"`))
        .sort((a, b) => a.timeUs - b.timeUs);
      const numbers = (stream: string) =>
        own
          .filter(({ labels, text }) => labels.includes(`stream="${stream}"`) && text.endsWith(PAD))
          .map(({ text }) => Number(text.split(" ")[0]));
      const all = Array.from({ length: LINES }, (_, n) => n);
      expect(
        difference(
          numbers("stdout"),
          all.filter((n) => n % 10 > 0),
        ),
      ).toBe(null);
      expect(
        difference(
          numbers("stderr"),
          all.filter((n) => n % 10 === 0),
        ),
      ).toBe(null);
      const long = own.filter(({ text }) => text.startsWith("y"));
      expect(long.map(({ text }) => text.length)).toEqual([LONG]);
      expect(own.length).toBe(LINES + 1);
      const labelsOf = (stream: string) =>
        `{${compose}container="${name}", image="${image}", job="containers", service="${service}", stream="${stream}"}`;
      expect(new Set(own.map(({ labels }) => labels))).toEqual(
        new Set(["stdout", "stderr"].map(labelsOf)),
      );
    }

    const kinds = (prefix: string, drivers: readonly string[]) =>
      drivers.flatMap((driver) => FATES.map((fate) => `${prefix}${driver}-${fate}`));

    test.each(kinds("tt-", DRIVERS))(
      "%s: each line once, in its order, with its labels",
      (name) => {
        expectAll(name, 'compose_project="shop", compose_service="web", ', BUSYBOX, "web");
      },
    );

    test.each(kinds("tt-podman-", PODMAN_DRIVERS))(
      "%s: each line once, in its order, with its labels",
      (name) => {
        expectAll(name, "", `localhost/${BUSYBOX}`, name);
      },
    );

    test("no line is in the journal's own name as well", () => {
      const own = lines.filter(({ labels }) => labels.includes('job="journal"'));
      expect(own.filter(({ text }) => text.endsWith(PAD) || text.startsWith("y"))).toEqual([]);
    });
  },
);
